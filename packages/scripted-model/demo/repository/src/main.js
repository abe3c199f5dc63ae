import { readFileSync } from "node:fs";
import { balance, parseLedger } from "./ledger.js";
import { formatAmount } from "./money.js";

const commands = {
  balance: (entries) => formatAmount(balance(entries)),
};

const [name, file] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
if (command === undefined || file === undefined) {
  console.error(`usage: node src/main.js ${Object.keys(commands).join("|")} <file>`);
  process.exit(2);
}
console.log(command(parseLedger(readFileSync(file, "utf8"))));
