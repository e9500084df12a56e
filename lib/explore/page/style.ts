/** The look of the explorer's page, light and dark. */
export const explorerStyle = `
:root { --ink: #1a1a1a; --paper: #ffffff; --page: #f4f5f6; --muted: #5f6368; --line: #d9dce0; --modeled: #0072b2; --accent: #b84c00; --mark: #e8f2f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --paper: #1b1d21; --page: #121417; --muted: #a3a7ad; --line: #3a3e44; --modeled: #5bb4ec; --accent: #f0904d; --mark: #1f3445; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 Inter, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 17px; margin: 0; }
h2 { font-size: 14px; margin: 0; }
.opening { padding: 24px; color: var(--muted); }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; padding: 12px 16px 8px; }
header p { margin: 0; color: var(--muted); }
.parts { display: grid; grid-template-columns: 300px minmax(0, 1fr); gap: 12px; padding: 0 16px 24px; align-items: start; }
@media (max-width: 900px) { .parts { grid-template-columns: 244px minmax(0, 1fr); } }
@media (max-width: 620px) { .parts { grid-template-columns: minmax(0, 1fr); } }
form { position: sticky; top: 8px; max-height: calc(100vh - 16px); overflow-y: auto; scrollbar-width: thin; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 4px 12px 12px; }
fieldset { border: 0; border-top: 1px solid var(--line); margin: 0; padding: 8px 0 6px; min-width: 0; }
fieldset:first-of-type { border-top: 0; }
legend { float: left; width: 100%; padding: 0; margin-bottom: 2px; font-weight: 600; font-size: 13px; }
legend + * { clear: both; }
details > summary { cursor: pointer; font-weight: 600; font-size: 13px; padding: 6px 0; }
.row { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 1px 8px; align-items: center; padding: 3px 4px; margin: 0 -4px; border-radius: 4px; }
.row.chosen { background: var(--mark); box-shadow: inset 3px 0 0 var(--modeled); }
.row label { overflow-wrap: anywhere; }
.row input[type=range] { grid-column: 1 / -1; width: 100%; margin: 0; accent-color: var(--modeled); }
.row input[type=number] { width: 92px; }
.row .wide { grid-column: 1 / -1; width: 100%; }
.row small { grid-column: 1 / -1; color: var(--muted); font-size: 12px; }
input[type=number], select, button { font: inherit; font-size: 13px; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 4px; padding: 2px 6px; min-width: 0; max-width: 100%; }
input[type=checkbox] { width: 16px; height: 16px; accent-color: var(--modeled); margin: 0; }
button { cursor: pointer; padding: 4px 10px; }
button:hover { border-color: var(--modeled); }
:focus-visible { outline: 2px solid var(--modeled); outline-offset: 1px; }
.wrong { color: var(--accent); font-weight: 600; }
.buttons { display: flex; flex-wrap: wrap; gap: 6px; padding-top: 8px; }
main { display: grid; gap: 12px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
main > * { grid-column: 1 / -1; min-width: 0; }
main > .half { grid-column: auto; }
@media (max-width: 1000px) { main > .half { grid-column: 1 / -1; } }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px 6px; }
.card .about { margin: 0; color: var(--muted); font-size: 12.5px; }
.summary { padding-bottom: 10px; }
.summary .says { margin: 0 0 6px; font-size: 15px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 2px 0 2px 10px; font-weight: 400; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.numbers { overflow-x: auto; }
tbody th { white-space: normal; min-width: 150px; }
@media (max-width: 900px) { .numbers { font-size: 12.5px; } .numbers th, .numbers td { padding-left: 6px; } }
thead th { color: var(--muted); font-size: 12.5px; border-bottom: 1px solid var(--line); }
.modeled td { color: var(--modeled); font-weight: 600; }
.command { display: flex; flex-wrap: wrap; gap: 8px; align-items: start; }
.command code { flex: 1 1 300px; font: 12.5px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; padding: 3px 0; user-select: all; }
ul.told { margin: 4px 0 6px; padding-left: 18px; color: var(--muted); font-size: 12.5px; }
.coarse { opacity: 0.65; }
ul.legend { list-style: none; margin: 4px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12.5px; min-height: 19px; }
ul.legend li { display: flex; align-items: center; gap: 6px; }
.sign svg { display: block; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
