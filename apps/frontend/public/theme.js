// Runs before the first paint, so that what was chosen does not flash; the policy forbids inline scripts. See ui/appearance.ts.
try {
  const choices = { theme: ["light", "dark"], density: ["compact"], clock: ["24", "12"], zone: ["utc"] };
  for (const [name, known] of Object.entries(choices)) {
    const chosen = localStorage.getItem(`ccr.${name}`);
    if (known.includes(chosen)) document.documentElement.dataset[name] = chosen;
  }
} catch {
  // Without storage the page looks as usual.
}
