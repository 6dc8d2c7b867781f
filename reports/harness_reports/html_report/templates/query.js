// The words of a reader: backends, outcomes, and the rest as parts of names, questions and answers.
const MEANINGS = {
  bug: "bug", bugs: "bug", broken: "bug", breaks: "bug",
  known: "known", design: "design",
  differ: "differs", differs: "differs", difference: "differs", differences: "differs", different: "differs", differing: "differs",
  hang: "hang", hangs: "hang", hung: "hang", hanging: "hang", deadlock: "hang", stuck: "hang",
  crash: "crash", crashes: "crash", crashed: "crash",
  leak: "leak", leaks: "leak", leaked: "leak", leftover: "leak",
  lost: "data", loses: "data", loss: "data", data: "data",
  hurt: "hurt", hurts: "hurt", dangerous: "hurt", harm: "hurt",
  unmeasured: "unmeasured", withheld: "unmeasured", unfinished: "unfinished", unsupported: "unrun", missing: "unrun",
  faster: "faster", slower: "slower",
  figure: "figures", figures: "figures", speed: "figures", measured: "figures",
  fast: "fastest", fastest: "fastest", best: "fastest", quickest: "fastest",
  latency: "spread", spread: "spread", distribution: "spread", percentiles: "spread",
  grow: "growth", grows: "growth", growth: "growth", scale: "growth", scales: "growth", scaling: "growth",
  changed: "changes", changes: "changes", since: "changes",
  advice: "advice", advise: "advice", choose: "advice", decide: "advice", recommend: "advice",
  against: "versus", versus: "versus", vs: "versus", "×": "versus", x: "versus",
};
const VIEWS = ["spread", "growth", "changes", "advice"];
const SILENT = new Set("a about all and are at by can cost did do does for happened have how i in is it last me my n need of on or over run show than the there this to trio's what when where which who why with".split(" "));
const OF_CELLS = ["bug", "known", "design", "differs", "hang", "crash", "leak", "data", "hurt", "unmeasured", "unfinished", "unrun", "faster", "slower"];

const parseQuery = (text) => {
  const words = text.toLowerCase().replace(/not[ -]measured/g, "unmeasured").replace(/not[ -]finished/g, "unfinished").replace(/not[ -]run\b/g, "unsupported").split(/[\s,;?!]+/).filter(Boolean);
  const query = { backends: [], states: [], words: [], view: "", versus: false, fastest: false, figures: false };
  const columns = data.columns.map((column) => column.toLowerCase());
  for (const word of words) {
    const place = columns.indexOf(word);
    const meaning = MEANINGS[word];
    if (place >= 0) query.backends.push(data.columns[place]);
    else if (word.includes("*") || data.scenarios.includes(word)) query.words.push(word);
    else if (meaning === "versus") query.versus = true;
    else if (meaning === "fastest" || meaning === "figures") { query.figures = true; query.fastest ||= meaning === "fastest"; }
    else if (VIEWS.includes(meaning)) query.view = meaning;
    else if (meaning) query.states.push(meaning);
    else if (!SILENT.has(word)) query.words.push(word);
  }
  query.versus = query.backends.length === 2 && !query.states.length && !query.figures;
  query.isEmpty = !words.length;
  query.given = words;
  query.isRuntime = query.backends.length === 1 && !query.states.length && !query.words.length && !query.figures && !query.view;
  return query;
};

const HURTS = ["hang", "crash", "leak", "data", "server"];
const DIFFERING = ["bug", "difference", "known", "by design"];
const holds = {
  bug: (cell) => cell.st === "bug" || cell.st === "difference",
  known: (cell) => cell.st === "known",
  design: (cell) => cell.st === "by design",
  differs: (cell) => DIFFERING.includes(cell.st),
  hang: (cell) => cell.tags.includes("hang"),
  crash: (cell) => cell.tags.includes("crash"),
  leak: (cell) => cell.tags.includes("leak"),
  data: (cell) => cell.tags.includes("data"),
  hurt: (cell) => DIFFERING.includes(cell.st) && cell.tags.some((tag) => HURTS.includes(tag)),
  unmeasured: (cell) => cell.nm,
  unfinished: (cell) => cell.st === "not finished",
  unrun: (cell) => cell.st === "not run",
  faster: (cell) => /faster|better/.test(cell.v ?? ""),
  slower: (cell) => /slower|worse/.test(cell.v ?? ""),
};

const textOf = (row) => (row.text ??= [row.n, row.s, row.q, row.h, row.nature, ...row.cells.flatMap((cell) => [cell.b, cell.a, cell.w, cell.why])].join(" ").toLowerCase());
const matchesWord = (row, word) => {
  if (word.includes("*")) return word.endsWith(".*") ? row.s.startsWith(word.slice(0, -1)) : new RegExp(`^${word.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*")}$`).test(row.s);
  if (data.scenarios.includes(word)) return row.s === word;
  const text = textOf(row);
  return text.includes(word) || (word.length > 3 && word.endsWith("s") && text.includes(word.slice(0, -1)));
};
const answerOf = (row, column) => row.cells.filter((cell) => cell.c === column && cell.b === column).map((cell) => `${cell.st === "fine" || cell.st === "by design" ? "" : cell.w}${cell.a ?? ""}`).join();
const matches = (row, query) => {
  if (query.figures && row.k !== "figure") return false;
  if (!query.words.every((word) => matchesWord(row, word))) return false;
  if (query.versus) {
    const [first, second] = query.backends.map((label) => row.cells.find((cell) => cell.b === label));
    if (!first || !second) return false;
    return row.k === "figure" ? DIFFERING.includes(first.st) || DIFFERING.includes(second.st) || holds.faster(second) || holds.slower(second) : answerOf(row, first.c) !== answerOf(row, second.c);
  }
  const cells = row.cells.filter((cell) => !query.backends.length || query.backends.includes(cell.c));
  return cells.some((cell) => query.states.every((state) => holds[state](cell)));
};
