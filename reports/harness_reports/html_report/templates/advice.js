// Advice on each runtime for a program that uses the chosen features: no-go's first, then figures.
const NO_GO = { data: "loses or mixes data", hang: "hangs", server: "server dies", crash: "crashes", leak: "leaves something behind" };
const MOST_OF_ADVICE = 8;
const stem = (word) => word.toLowerCase().replace(/[-_ ]/g, "").replace(/s$/, "");
const featuresOf = (row) => [row.s, row.s.split(".")[0], ...(data.topics[row.s] ?? [])];
const allFeatures = () => [...new Set(data.rows.flatMap((row) => [row.s.split(".")[0], ...(data.topics[row.s] ?? [])]))].sort();
const adviseOn = (rows, column) => {
  const squares = rows.flatMap((row) => row.cells.filter((cell) => cell.c === column).map((cell) => ({ row, cell })));
  const costly = ({ cell }) => Object.keys(NO_GO).find((tag) => cell.tags.includes(tag));
  const isDifference = ({ cell }) => ["bug", "difference", "known"].includes(cell.st);
  const order = Object.keys(NO_GO);
  return {
    column,
    noGos: squares.filter((each) => isDifference(each) && costly(each)).sort((a, b) => order.indexOf(costly(a)) - order.indexOf(costly(b))).map((each) => ({ ...each, harm: NO_GO[costly(each)] })),
    others: squares.filter((each) => isDifference(each) && !costly(each)).length,
    design: squares.filter(({ cell }) => cell.st === "by design"),
    ranked: squares.filter(({ cell }) => cell.low !== undefined && cell.b === column),
    unranked: squares.filter(({ cell }) => cell.values?.length && cell.low === undefined && cell.b === column).length,
    withheld: squares.filter(({ cell }) => cell.nm).length,
  };
};
const some = (items, draw) => [...items.slice(0, MOST_OF_ADVICE).map(draw), items.length > MOST_OF_ADVICE ? el("li", {}, `and ${items.length - MOST_OF_ADVICE} more`) : ""];
const openRow = (row) => el("a", { href: `#${new URLSearchParams({ q: row.s, open: row.id })}` }, row.n);
const drawAdvised = (advice) => el("section", { class: "runtime", "aria-label": `advice on ${advice.column}` },
  el("h3", {}, `${advice.column}: `, el("span", { class: advice.noGos.length ? "bad" : "ok" }, advice.noGos.length ? plural(advice.noGos.length, "no-go") : "no no-go among the features in use")),
  el("ul", {},
    some(advice.noGos, ({ row, cell, harm }) => el("li", {}, el("strong", { class: "bad" }, harm), ": ", openRow(row), cell.b === advice.column ? "" : ` (${cell.b})`, `${cell.a ? `: ${cell.a}` : ""}${cell.st === "known" ? ", known" : ""}`)),
    advice.others ? el("li", {}, `${plural(advice.others, "other difference")} from the contract`) : "",
    some(advice.ranked, ({ row, cell }) => el("li", {}, openRow(row), `: ${cell.f}, ${cell.r} ${cell.i ?? ""} ${cell.v ?? ""}`)),
    advice.unranked ? el("li", { class: "soft" }, `${plural(advice.unranked, "figure")} without an interval: no ranking; more rounds give one (--rounds 8)`) : "",
    advice.withheld ? el("li", { class: "odd" }, `${plural(advice.withheld, "figure")} not measured`) : ""),
  advice.design.length ? el("details", {}, el("summary", {}, `${plural(advice.design.length, "answer")} by design that others give differently`), el("ul", {}, advice.design.map(({ row, cell }) => el("li", {}, openRow(row), `: ${cell.a || cell.w}`)))) : "");
const drawAdvice = (query) => {
  const features = allFeatures();
  const used = features.filter((feature) => query.given.some((word) => stem(word) === stem(feature)));
  const toggled = (feature) => ["advice", ...(used.includes(feature) ? used.filter((each) => each !== feature) : [...used, feature])].join(" ");
  const rows = data.rows.filter((row) => featuresOf(row).some((word) => used.includes(word)));
  const all = data.columns.map((column) => adviseOn(rows, column)).sort((a, b) => a.noGos.length - b.noGos.length);
  return [
    el("h2", {}, "Which runtime for a program that uses …"),
    el("p", { class: "chips" }, features.map((feature) => link(toggled(feature), feature, { "aria-current": used.includes(feature) ? "true" : false }))),
    used.length ? "" : el("p", {}, "choose the features of the program; each runtime then has its no-go's, its surprises and its figures, from this run"),
    used.length ? el("p", { class: "soft" }, `${plural(rows.length, "row")} about ${used.join(", ")}. Listed harms that this run does not show: `, el("code", {}, `harness advise --uses ${used.join(",")}`)) : "",
    used.length ? el("div", { class: "charts" }, all.map(drawAdvised)) : "",
  ];
};
