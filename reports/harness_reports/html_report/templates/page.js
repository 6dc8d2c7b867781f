// What the address asks for, drawn from the data in the page: #q=trio+hang&open=cell-…
const MOST_ROWS = 250;
const results = document.getElementById("results");
const search = document.getElementById("search");
let drawn = "";

const getState = () => {
  const hash = location.hash.slice(1);
  if (/^(cell|scenario|row)-/.test(hash)) return { q: "", open: hash };
  const given = new URLSearchParams(hash);
  return { q: given.get("q") ?? "", open: given.get("open") ?? "" };
};
const setState = (change, isQuiet) => {
  const state = { ...getState(), ...change };
  const given = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
  history.replaceState(null, "", given.size || [...given].length ? `#${given}` : location.pathname + location.search);
  if (isQuiet) drawn = JSON.stringify(state);
  else draw();
};
const link = (q, text, attributes) => el("a", { href: `#${new URLSearchParams({ q })}`, ...attributes }, text);

const square = (cell, isVaried) => [
  el("span", { class: `symbol ${cell.t}`, "aria-hidden": "true" }, cell.s), " ",
  cell.f ? [el("span", { class: "figure" }, cell.f), cell.best ? [" ", el("span", { class: "best" }, "best")] : "", el("span", { class: "under" }, cell.s === "✓" ? "" : el("span", { class: cell.t }, `${cell.w} `), [cell.r, cell.i, cell.v].filter(Boolean).join(" "))]
    : el("span", { class: `word ${cell.t}` }, cell.a && (cell.s !== "✓" || isVaried) ? cell.a : cell.w),
  cell.nm && cell.why ? el("span", { class: "under" }, cell.why) : "",
];
const drawLine = (row, columns, state) => {
  const isOpen = state.open && (row.id === state.open || row.anchor === state.open || row.cells.some((cell) => cell.id === state.open));
  const isVaried = new Set(row.cells.map((cell) => cell.a).filter(Boolean)).size > 1;
  const panel = el("tr", { class: "panel", hidden: !isOpen }, el("td", { colspan: columns.length + 1 }));
  const button = el("button", { type: "button", "aria-expanded": String(Boolean(isOpen)) }, row.n);
  const show = (open) => { if (!panel.firstChild.childElementCount) panel.firstChild.append(...drawRow(row, open).flat(Infinity).filter(Boolean)); };
  if (isOpen) show(state.open);
  const turn = () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
    if (!panel.hidden) show("");
    setState({ open: panel.hidden ? "" : row.id }, true);
  };
  button.addEventListener("click", turn);
  const line = el("tr", { class: "line", "data-scenario": row.s }, el("th", { scope: "row" }, button, row.q && row.k === "question" ? el("span", { class: "under" }, `${row.q}${row.nature ? ` (${row.nature})` : ""}`) : ""),
    columns.map((column) => el("td", { "data-label": column }, row.cells.filter((cell) => cell.c === column).map((cell) => el("div", {}, cell.b === column ? "" : el("span", { class: "under" }, cell.b.replace(`${column}:`, "")), square(cell, isVaried))))));
  line.addEventListener("click", (event) => { if (!event.target.closest("button, a") && !String(getSelection())) turn(); });
  return [line, panel];
};
const drawRows = (rows, columns, state) => el("table", { class: "list" },
  el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "row"), columns.map((column) => el("th", { scope: "col" }, link(column, column, { title: `all about ${column}` }))))),
  el("tbody", {}, rows.map((row) => drawLine(row, columns, state))));

const drawRuntime = (label) => {
  const about = data.backends[label];
  return el("section", { class: "runtime", "aria-label": `about ${label}` }, el("h2", {}, `Before you use ${label}`), el("p", { class: "soft" }, about.summary),
    el("ul", {}, about.sentences.map(([text, q]) => el("li", {}, q ? link(q, text) : text))),
    about.facts.length ? el("details", {}, el("summary", {}, `capabilities that are not native (${about.facts.length})`), el("dl", {}, about.facts.map(([name, text]) => field(name, text)))) : "");
};
const distributions = data.tables.filter((chart) => chart.is_distribution);
const spreads = [...distributions, ...data.spreads.filter((chart) => !distributions.some((other) => other.row === chart.row))];
const VIEW = {
  advice: drawAdvice,
  spread: () => [el("h2", {}, "How latency spreads"), spreads.length ? el("div", { class: "charts" }, spreads.map(drawSpread)) : el("p", {}, "no row of this run has percentiles")],
  growth: () => [el("h2", {}, "How cost grows"), data.growth.length ? el("div", { class: "charts" }, data.growth.map(drawSpread)) : el("p", {}, "no parameter was run with two sizes; for example: ", el("code", {}, "harness matrix -s channel --param capacity=1,10,100"))],
  changes: () => [el("h2", {}, data.changes.since ? `Changes since ${data.changes.since}` : "Changes since the run before"), data.changes.lines.length
    ? el("table", { class: "changes" }, el("thead", {}, el("tr", {}, ["change", "where", "how"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, data.changes.lines.map(([change, where, how, tone]) => el("tr", {}, el("td", {}, el("span", { class: `badge ${tone}` }, change)), el("td", {}, where), el("td", {}, how)))))
    : el("p", {}, data.changes.verdict)],
};
const bestOf = (row) => row.cells.find((cell) => cell.best)?.b ?? "";
const drawFastest = (rows) => {
  const counts = {};
  for (const row of rows) if (bestOf(row)) counts[bestOf(row)] = (counts[bestOf(row)] ?? 0) + 1;
  const order = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return order.length ? el("p", { class: "answer" }, `best figure: ${order.map(([label, count]) => `${label} in ${count} of ${plural(rows.length, "row")}`).join(", ")}; a figure without an interval ranks nothing`) : "";
};

const draw = () => {
  const state = getState();
  const key = JSON.stringify(state);
  if (key === drawn) return;
  drawn = key;
  if (search.value !== state.q && document.activeElement !== search) search.value = state.q;
  for (const chip of document.querySelectorAll(".chips a")) chip.toggleAttribute("aria-current", new URLSearchParams(chip.hash.slice(1)).get("q") === state.q);
  results.replaceChildren();
  document.body.classList.toggle("asked", Boolean(state.q || state.open));
  if (!state.q && !state.open) return;
  const query = parseQuery(state.q);
  const opened = state.open && data.rows.filter((row) => row.id === state.open || row.anchor === state.open || row.cells.some((cell) => cell.id === state.open));
  if (query.view) results.append(...VIEW[query.view](query).filter(Boolean));
  const rows = query.view === "advice" ? [] : query.isEmpty ? opened : query.view && !query.words.length && !query.backends.length && !query.states.length ? [] : data.rows.filter((row) => matches(row, query));
  if (query.isRuntime) results.append(drawRuntime(query.backends[0]));
  const shown = query.isRuntime ? rows.filter((row) => row.cells.some((cell) => cell.c === query.backends[0] && DIFFERING.includes(cell.st))) : rows;
  if (!query.view || shown.length) {
    results.append(el("h2", {}, `${plural(shown.length, "row")}${state.q ? `: ${state.q}` : ""}`));
    if (query.fastest) results.append(drawFastest(shown));
    const narrowed = query.versus || (query.backends.length && !query.isRuntime) ? data.columns.filter((column) => query.backends.includes(column)) : data.columns;
    if (shown.length) results.append(el("div", { class: "rows", style: `--columns: ${narrowed.length}` }, drawRows(shown.slice(0, MOST_ROWS), narrowed, state)));
    else if (!query.words.length && query.states.length) results.append(el("p", { class: "answer" }, `no: in none of ${plural(data.rows.length, "row")} of this run`));
    else results.append(el("p", {}, "nothing matches; words are parts of names, questions and answers, runtimes, and outcomes such as hang, leak, known, slower"));
    if (shown.length > MOST_ROWS) results.append(el("p", { class: "soft" }, `the first ${MOST_ROWS} are shown; narrow the search for the others`));
  }
  document.getElementById("shown").textContent = `${plural(shown.length, "row")}`;
};

search.addEventListener("input", () => setState({ q: search.value, open: "" }));
search.form?.addEventListener("submit", (event) => { event.preventDefault(); results.scrollIntoView({ block: "start" }); });
addEventListener("hashchange", () => {
  draw();
  const open = getState().open;
  const target = open ? document.querySelector(`[data-anchor="${CSS.escape(open)}"], #${CSS.escape(open)}`) ?? results.querySelector(".panel:not([hidden])") : results;
  if (results.childElementCount) target.scrollIntoView({ block: "start" });
});
document.querySelector(".tools").hidden = false;
draw();
if (results.childElementCount) results.scrollIntoView({ block: "start" });
