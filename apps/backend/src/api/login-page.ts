const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);

/**
 * Where to go after the login: the path that was asked for, on this server and nowhere else. What could be read as another host's address, as
 * `//host` or `/\host` can, is none. Pure.
 */
export const pathAfterLogin = (given: unknown): string =>
  typeof given === "string" &&
  given.length <= 2000 &&
  /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(given) &&
  !given.startsWith("/login")
    ? given
    : "/";

/**
 * The page for those who have not logged in yet: without script, since nothing else is served to them. It looks as the page behind it does, and
 * leads to `next`, a path of this server.
 */
export const loginPage = (problem: string | null, next = "/"): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in – claude-code-runner</title>
<style>
:root { color-scheme: light dark; --page: light-dark(oklch(0.982 0.003 264), oklch(0.168 0.008 264)); --surface: light-dark(oklch(1 0 0), oklch(0.205 0.009 264)); --line: light-dark(oklch(0.915 0.006 264), oklch(0.288 0.012 264)); --line-strong: light-dark(oklch(0.65 0.012 264), oklch(0.52 0.014 264)); --ink: light-dark(oklch(0.22 0.016 264), oklch(0.945 0.005 264)); --soft: light-dark(oklch(0.42 0.016 264), oklch(0.775 0.01 264)); --accent: light-dark(oklch(0.49 0.19 266), oklch(0.75 0.12 266)); --accent-strong: light-dark(oklch(0.43 0.19 266), oklch(0.81 0.1 266)); --on-accent: light-dark(oklch(1 0 0), oklch(0.18 0.04 266)); --bad: light-dark(oklch(0.5 0.19 26), oklch(0.745 0.145 22)); }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page); color: var(--ink); font: 0.8125rem/1.25rem "Inter", ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; font-variant-ligatures: no-contextual; -webkit-font-smoothing: antialiased; }
main { box-sizing: border-box; width: min(26rem, 100vw); padding: 1rem; }
.wordmark { display: flex; align-items: center; gap: .625rem; margin: 0 0 1.25rem; font-weight: 600; letter-spacing: -.025em; }
.card { padding: 1.5rem; background: var(--surface); border: 1px solid var(--line); border-radius: .75rem; box-shadow: 0 1px 2px light-dark(rgb(20 24 40 / .05), rgb(0 0 0 / .3)); }
h1 { margin: 0; font-size: 1.0625rem; line-height: 1.5rem; font-weight: 600; }
p { margin: .375rem 0 1rem; color: var(--soft); text-wrap: pretty; }
label { display: block; margin-bottom: .375rem; font-size: .75rem; line-height: 1.125rem; font-weight: 500; color: var(--soft); }
input { box-sizing: border-box; width: 100%; height: 2rem; padding: 0 .625rem; font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line-strong); border-radius: .375rem; }
input[aria-invalid] { border-color: var(--bad); }
button { width: 100%; height: 2rem; margin-top: 1rem; font: inherit; font-weight: 500; color: var(--on-accent); background: var(--accent); border: 0; border-radius: .375rem; cursor: pointer; }
button:hover { background: var(--accent-strong); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.problem { margin: .375rem 0 0; font-size: .75rem; line-height: 1.125rem; color: var(--bad); }
</style>
</head>
<body>
<main>
<div class="wordmark"><svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true"><rect width="32" height="32" rx="8" fill="var(--accent)"/><g fill="none" stroke="var(--on-accent)" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"><path d="M9 10.5 14.5 16 9 21.5"/><path d="M17 21.5h6.5" opacity=".7"/></g></svg>claude-code-runner</div>
<div class="card">
<h1>Log in</h1>
<p>Open the login link that the server printed when it started, or paste its token here.</p>
<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(pathAfterLogin(next))}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus${problem === null ? "" : ' aria-invalid="true" aria-describedby="problem"'}>
${problem === null ? "" : `<p class="problem" id="problem" role="alert">${escapeHtml(problem)}</p>`}
<button type="submit">Log in</button>
</form>
</div>
</main>
</body>
</html>
`;
