import { describeStore } from "./store-suite.ts";
import { openSqlitePlace } from "./suite/sqlite-place.ts";

describeStore("SQLite", openSqlitePlace);
