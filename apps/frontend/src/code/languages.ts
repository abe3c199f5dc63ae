/** The languages whose code can be coloured, and for each the other names and the file endings it goes by. */
const NAMES = {
  astro: "",
  bat: "cmd batch",
  c: "h",
  clojure: "clj cljs cljc edn",
  cmake: "",
  cpp: "c++ cc cxx hpp hh hxx ino cu",
  csharp: "cs c# csx",
  css: "pcss",
  csv: "tsv",
  dart: "",
  diff: "patch",
  docker: "dockerfile containerfile",
  dotenv: "env",
  elixir: "ex exs",
  erlang: "erl hrl",
  fish: "",
  fsharp: "fs fsx fsi f#",
  go: "golang",
  graphql: "gql",
  groovy: "gradle jenkinsfile",
  handlebars: "hbs mustache",
  haskell: "hs",
  hcl: "",
  html: "htm xhtml",
  http: "",
  ini: "cfg conf properties editorconfig gitconfig",
  java: "",
  javascript: "js mjs cjs node",
  json: "webmanifest geojson har",
  jsonc: "json5 code-workspace",
  jsx: "",
  julia: "jl",
  kotlin: "kt kts",
  latex: "tex sty cls",
  less: "",
  lua: "",
  make: "makefile mk gnumakefile",
  markdown: "md mdx mdc",
  nginx: "",
  nix: "",
  "objective-c": "objc m mm",
  ocaml: "ml mli",
  perl: "pl pm",
  php: "phtml",
  powershell: "ps1 psm1 psd1 pwsh",
  prisma: "",
  proto: "protobuf",
  python: "py pyi pyw python3",
  r: "",
  ruby: "rb rake gemspec gemfile rakefile podfile ru",
  rust: "rs",
  scala: "sc sbt",
  scss: "",
  shellscript: "sh bash zsh shell console shellsession bashrc zshrc profile ksh bats",
  solidity: "sol",
  sql: "psql mysql sqlite",
  svelte: "",
  swift: "",
  terraform: "tf tfvars",
  toml: "",
  tsx: "",
  typescript: "ts mts cts",
  vue: "",
  xml: "xsd xsl xslt svg plist csproj fsproj vbproj props targets resx pom storyboard",
  yaml: "yml",
  zig: "zon",
} as const;

export type Language = keyof typeof NAMES;

const isLanguage = (name: string): name is Language => Object.hasOwn(NAMES, name);

const BY_NAME: ReadonlyMap<string, Language> = new Map(
  Object.keys(NAMES)
    .filter(isLanguage)
    .flatMap((language) => [language, ...NAMES[language].split(" ")].map((name): [string, Language] => [name, language])),
);

const lookUp = (name: string): Language | null => (name === "" ? null : (BY_NAME.get(name) ?? null));

/** The language of a name as people write it behind a code fence (`ts`, `TypeScript title="x"`); null: none that is known. */
export const languageNamed = (name: string): Language | null =>
  lookUp(
    name
      .trim()
      .split(/[\s,{]/, 1)[0]
      ?.toLowerCase() ?? "",
  );

/** The language that a file is written in, by its name alone; null: none that is known. */
export const languageOfPath = (path: string): Language | null => {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  if (name === "cmakelists.txt") return "cmake";
  if (/^\.env(\.|$)/.test(name)) return "dotenv";
  if (/^(docker|container)file(\.|$)/.test(name)) return "docker";
  if (/^tsconfig.*\.json$/.test(name)) return "jsonc";
  return lookUp(name.slice(name.lastIndexOf(".") + 1));
};
