import type { CommandWords, FlagWords } from "./completion-words.js";

/** The shells that can be told what to complete. */
export const completedShells = ["bash", "zsh", "fish"] as const;
export type CompletedShell = (typeof completedShells)[number];

/** The script that makes a shell complete the binary's commands, flags and the words that flags take; elsewhere files. */
export function completionScript(shell: CompletedShell, commands: readonly CommandWords[]): string {
  return `${{ bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands).join("\n")}\n`;
}

/** A command with the words that lead to it. */
interface Place {
  readonly path: string;
  readonly command: CommandWords;
}

function places(commands: readonly CommandWords[], above = ""): Place[] {
  return commands.flatMap((command) => {
    const path = above === "" ? command.name : `${above} ${command.name}`;
    return [{ path, command }, ...places(command.subcommands, path)];
  });
}

function bashScript(commands: readonly CommandWords[]): string[] {
  const all = places(commands);
  const parent = (path: string) => path.slice(0, path.lastIndexOf(" ") + 1).trimEnd();
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(" ");
  const steps = all.map(({ path, command }) => `"${parent(path)} ${command.name}"`).join("|");
  const valued = all.flatMap(({ path, command }) =>
    command.flags
      .filter(({ placeholder }) => placeholder !== undefined)
      .map(({ names: typed, choices }) => {
        const patterns = typed.map((name) => `"${path} ${name}"`).join("|");
        return `    ${patterns}) COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur")); return ;;`;
      }),
  );
  const flags = all.map(
    ({ path, command }) =>
      `    "${path}") flags="${command.flags.flatMap((flag) => flag.names).join(" ")}" ;;`,
  );
  const subcommands = all
    .filter(({ command }) => command.subcommands.length > 0)
    .map(({ path, command }) => `    "${path}") commands="${names(command.subcommands)}" ;;`);
  return [
    '# prefixlab in bash: eval "$(prefixlab completion bash)"',
    "_prefixlab() {",
    `  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path="" word flags="--help --version" commands=""`,
    "  # bash takes the = of --flag=value for a word.",
    `  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case "$path $word" in ${steps}) path="\${path:+$path }$word" ;; esac`,
    "  done",
    '  case "$path $prev" in',
    ...valued,
    "  esac",
    '  case "$path" in',
    `    "") commands="${names(commands)}" ;;`,
    ...subcommands,
    "  esac",
    '  case "$path" in',
    ...flags,
    "  esac",
    "  if [[ $cur == -* ]]; then commands=$flags; fi",
    '  COMPREPLY=($(compgen -W "$commands" -- "$cur"))',
    "}",
    "complete -o default -F _prefixlab prefixlab",
  ];
}

function zshScript(commands: readonly CommandWords[]): string[] {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const listed = (list: readonly CommandWords[]) =>
    list.map(({ name, description }) => quoted(`${name}:${description}`)).join(" ");
  const spec = ({ names, description, placeholder, choices }: FlagWords): string[] => {
    const about = description.replace(/[[\]]/g, "").replaceAll(":", "\\:");
    const value = placeholder?.replaceAll(":", " ");
    const action = choices.length > 0 ? `(${choices.join(" ")})` : "_files";
    return names.map((name) =>
      quoted(`${name}[${about}]${value === undefined ? "" : `:${value}:${action}`}`),
    );
  };
  const cases = ({ name, flags, subcommands }: CommandWords, indent: string): string[] =>
    subcommands.length === 0
      ? [`${indent}${name}) _arguments ${[...flags.flatMap(spec), quoted("*:file:_files")].join(" ")} ;;`]
      : [
          `${indent}${name})`,
          `${indent}  if (( CURRENT == 2 )); then list=(${listed(subcommands)}); _describe command list; return; fi`,
          `${indent}  shift words; (( CURRENT-- ))`,
          `${indent}  case $words[1] in`,
          ...subcommands.flatMap((sub) => cases(sub, `${indent}    `)),
          `${indent}  esac ;;`,
        ];
  return [
    "#compdef prefixlab",
    '# prefixlab in zsh: eval "$(prefixlab completion zsh)", behind compinit',
    "_prefixlab() {",
    "  local -a list",
    `  if (( CURRENT == 2 )); then list=(${listed(commands)}); _describe command list; return; fi`,
    "  shift words; (( CURRENT-- ))",
    "  case $words[1] in",
    ...commands.flatMap((command) => cases(command, "    ")),
    "  esac",
    "}",
    "compdef _prefixlab prefixlab",
  ];
}

function fishScript(commands: readonly CommandWords[]): string[] {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const seen = (path: string) =>
    path
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
  const line = (condition: string, ...rest: string[]) =>
    ["complete -c prefixlab -n", quoted(condition), ...rest].join(" ");
  const named = ({ name, description }: CommandWords) => `-f -a ${name} -d ${quoted(description)}`;
  const flagOf = ({ names, description, placeholder, choices }: FlagWords): string => {
    const typed = names.map((name) =>
      name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
    );
    const value =
      choices.length > 0 ? [`-x -a ${quoted(choices.join(" "))}`] : placeholder === undefined ? [] : ["-r"];
    return [...typed, ...value, `-d ${quoted(description)}`].join(" ");
  };
  return [
    "# prefixlab in fish: prefixlab completion fish | source",
    ...commands.map((command) => line("__fish_use_subcommand", named(command))),
    ...places(commands).flatMap(({ path, command }) => [
      ...command.subcommands.map((sub) =>
        line(
          `${seen(path)}; and not __fish_seen_subcommand_from ${command.subcommands.map(({ name }) => name).join(" ")}`,
          named(sub),
        ),
      ),
      ...command.flags.map((flag) => line(seen(path), flagOf(flag))),
    ]),
  ];
}
