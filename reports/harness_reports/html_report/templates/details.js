// Everything that the page knows of a row, made when a reader opens it.
const pre = (name, lines) => (lines?.length ? [el("dt", {}, name), el("dd", {}, el("pre", { tabindex: 0 }, lines.join("\n")))] : []);
const linked = (text) => String(text ?? "").split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:)])/).map((part, place) => (place % 2 ? el("a", { href: part, rel: "noreferrer" }, part) : part));
const field = (name, value) => (value && value.length !== 0 ? [el("dt", {}, name), el("dd", {}, value)] : []);

const drawFinding = (finding, level = "h3") =>
  el("article", { class: `finding ${finding.tone}` },
    el(level, {}, el("span", { class: `badge ${finding.tone}` }, finding.kind), ` ${finding.place}: ${finding.title}`),
    el("dl", {},
      field("rows", finding.rows), field("known", finding.known && linked(finding.known)), field("asks", finding.question), field("expected", finding.expected),
      field("why", (finding.reason || finding.reference) && linked(`${finding.reason}${finding.reference ? ` (${finding.reference})` : ""}`)),
      field("seen", finding.groups.length ? el("ul", { class: "plain" }, finding.groups.map((group) => el("li", {}, el("strong", {}, group.value), `: ${group.backends.join(", ") || "no backend"}${group.of > 1 ? ` (${group.seen} of ${group.of})` : ""}${group.grade ? `, ${group.grade}` : ""}`))) : ""),
      field("culprit", finding.culprit.map((line) => el("p", {}, line))), field("depends on", finding.depends), field("dependent", finding.dependent), field(finding.divergenceName, finding.divergence),
      pre("details", finding.details), field("see it again", finding.command && el("code", { class: "command" }, finding.command)), field("evidence", finding.evidence)));

const drawAnswers = (row) => row.answers.map((answers) =>
  el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": answers.key }, el("table", {}, el("caption", {}, answers.key),
    el("thead", {}, el("tr", {}, ["answer", "given by", "how often", "graded"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, answers.lines.map((line) => el("tr", {}, el("th", { scope: "row" }, el("strong", {}, line.value)), el("td", {}, line.backends.join(", ")), el("td", {}, line.seen),
      el("td", {}, line.grade && el("span", { class: line.tone }, line.grade), line.reason ? `: ${line.reason}` : "", line.reference ? [" (", linked(line.reference), ")"] : "")))))));

const drawTraces = (row) => {
  if (!row.lanes.length) return [];
  const isMarked = (cell) => cell.actors.some((actor) => actor.first >= 0);
  const lanes = row.lanes.map((cell) => !cell.actors.length ? el("p", { class: "odd" }, `${cell.label}: no step was taken`) : figure(`${cell.label}: steps over time${isMarked(cell) ? ", ≠ is the first difference" : ""}`, cell.actors.map((actor) => `${actor.name}: ${actor.steps.map(([, what]) => what).join(", ")}`).join(". "), drawLanes(cell)));
  return [el("h3", {}, "What happened over time"), el("div", { class: "charts wide" }, lanes)];
};

const drawFigures = (row) => {
  const measured = row.cells.filter((cell) => cell.values?.length);
  if (!measured.length) return [];
  const words = measured.map((cell) => `${cell.b} ${cell.f}`).join(", ");
  const bounded = measured.filter((cell) => cell.low !== undefined);
  return el("div", { class: "charts" },
    figure(`${row.h}: each round`, words, drawDots(measured.map((cell) => ({ label: cell.b, values: cell.values })), row.unit)),
    bounded.length ? figure(`as a factor of ${data.reference}'s, with intervals; shaded: no difference that matters`, bounded.map((cell) => `${cell.b} ${cell.r} ${cell.i}`).join(", "), drawDots(bounded.map((cell) => ({ label: cell.b, values: [cell.ratio], low: cell.low, high: cell.high })), "", true)) : "",
    [...data.tables, ...data.spreads].filter((chart) => chart.row === row.id).map(drawSpread));
};
const drawSpread = (chart) => figure(chart.title, chart.words, [legend(chart.series.map((series) => series.label)), drawLines(chart)]);

const drawRole = (role) => [
  role.name ? field(role.name, role.outcome) : [], pre("error", role.error), pre("unhandled", role.unhandled),
  role.waits.length ? [el("dt", {}, "waits"), el("dd", {}, drawWaits(role.waits))] : [],
  role.autopsy.map(([name, lines]) => pre(name, lines)), pre("stalled", role.stalls), pre("stacks", role.stacks), pre("left behind", role.left),
];
// Tasks on the left, what each waits for on the right: a cycle shows as arrows that lead back.
const drawWaits = (waits) => {
  const height = waits.length * 40 + 8;
  return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "tasks and their waits" }, el("div", { role: "img", "aria-label": waits.map(([task, on]) => `${task} waits for ${on}`).join(". ") },
    svg("svg", { viewBox: `0 0 700 ${height}`, width: 700, height, "aria-hidden": "true" }, waits.map(([task, on], place) => {
      const y = place * 40 + 22;
      return [
        svg("rect", { x: 4, y: y - 14, width: 180, height: 28, rx: 6, class: "node" }), svg("text", { x: 14, y: y + 4, class: "strong" }, task.slice(0, 26)),
        svg("line", { x1: 184, x2: 222, y1: y, y2: y, class: "arrow" }), svg("polygon", { points: `222,${y - 4} 230,${y} 222,${y + 4}`, class: "arrowhead" }),
        svg("rect", { x: 230, y: y - 14, width: 466, height: 28, rx: 6, class: "node soft" }), svg("text", { x: 240, y: y + 4 }, on.slice(0, 74)),
      ];
    }))));
};

const drawTable = (table) => el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": table.name }, el("table", { class: "small" }, el("caption", {}, table.name),
  el("thead", {}, el("tr", {}, table.columns.map((name) => el("th", { scope: "col" }, name)))),
  el("tbody", {}, table.lines.map((line) => el("tr", {}, line.map((text) => el("td", {}, text)))))));

const drawRound = (round, several) => [
  several ? el("h4", {}, round.name) : "",
  el("dl", {}, round.fields.map(([name, lines]) => field(name, lines.map((line) => el("p", {}, line)))), round.roles.map(drawRole),
    round.outputs.map((output) => pre(output.name, output.lines)), field("evidence", round.evidence && el("code", {}, round.evidence)),
    field("see it again", el("code", { class: "command" }, round.command))),
  round.tables.map(drawTable),
];
const drawCell = (cell, isOpen) => {
  const box = el("details", { class: "cell", "data-anchor": cell.id, open: isOpen }, el("summary", {}, el("span", { class: `symbol ${cell.t}`, "aria-hidden": "true" }, cell.s), " ", el("strong", {}, cell.b), " ", el("span", { class: cell.t }, cell.w), ` ${cell.f ?? ""} ${cell.why ? `(${cell.why})` : ""}`));
  const show = () => {
    if (box.childElementCount > 1) return;
    const known = data.details[cell.id];
    box.append(el("div", { id: cell.id }, known
      ? [known.parity.length ? el("dl", {}, field("parity", known.parity.map((line) => el("p", {}, line)))) : "", known.rounds.map((round) => drawRound(round, known.rounds.length > 1 || known.more)), known.more ? el("p", { class: "soft" }, `${plural(known.more, "more round")}: `, el("code", {}, "harness show RUN")) : ""]
      : el("p", { class: "soft" }, "There is no room for this cell in the page: ", el("code", { class: "command" }, `harness show ${data.run} '${cell.cell}'`))));
  };
  if (isOpen) show();
  box.addEventListener("toggle", () => { if (box.open) { show(); setState({ open: cell.id }, true); } });
  return box;
};

const drawRow = (row, open) => [
  row.q ? el("p", {}, row.q) : "",
  row.contract.length ? el("details", {}, el("summary", { class: "soft" }, `the contract (${row.contract.length})`), el("ul", {}, row.contract.map((clause) => el("li", {}, clause)))) : "",
  row.findings.map((place) => drawFinding(data.findings[place])),
  drawAnswers(row), drawFigures(row), drawTraces(row),
  el("h3", {}, "Cells"), row.cells.map((cell) => drawCell(cell, cell.id === open)),
];
