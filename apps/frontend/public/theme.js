// Runs before the first paint, so that a chosen theme does not flash; the policy forbids inline scripts.
try {
  const theme = localStorage.getItem("ccr.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is shown.
}
