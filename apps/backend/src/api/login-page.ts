const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);

/** The page for those who have not logged in yet: without script, since nothing else is served to them. */
export const loginPage = (problem: string | null): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in – claude-code-runner</title>
<style>
:root { color-scheme: light dark; --ink: light-dark(#1c1b1a, #eceae6); --soft: light-dark(#5d5a55, #a5a19a); --line: light-dark(#d9d5cd, #3a3835); --paper: light-dark(#faf9f6, #191817); --accent: light-dark(#b4532f, #e0825d); --on-accent: light-dark(#ffffff, #1a1210); --bad: light-dark(#a3261f, #f19a92); }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { width: min(26rem, calc(100vw - 3rem)); }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
label { display: block; font-weight: 600; margin-bottom: .35rem; }
input { box-sizing: border-box; width: 100%; padding: .6rem .7rem; font: 14px ui-monospace, monospace; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 8px; }
button { margin-top: .8rem; padding: .6rem 1.1rem; font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0; border-radius: 8px; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.problem { color: var(--bad); }
</style>
</head>
<body>
<main>
<h1>Log in to claude-code-runner</h1>
${problem === null ? "<p>Open the login link that the server printed when it started, or paste its token here.</p>" : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}
<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
</form>
</main>
</body>
</html>
`;
