// Charts of figures over runs and over versions; as many are drawn as a reader looks at.
const MOST_CHARTS = 40;
const search = document.getElementById("search");
const charts = document.getElementById("charts");
const drawTrend = ({ chart, steps }, isOverRuns) => el("div", {},
  figure(chart.title, chart.words, [legend(chart.series.map((series) => series.label)), drawLines({ ...chart, names: isOverRuns ? chart.names.map((name, place) => (place === 0 || place === chart.names.length - 1 ? name.slice(0, 13) : "")) : chart.names.map((_, place) => String(place + 1)) })]),
  isOverRuns ? "" : el("ol", { class: "small soft" }, chart.names.map((name) => el("li", {}, name))),
  steps.length ? el("ul", {}, steps.map((step) => el("li", { class: "odd" }, step))) : "");
const drawSome = (title, list, words) => {
  const found = list.filter(({ chart }) => words.every((word) => chart.title.toLowerCase().includes(word)));
  return [el("h2", {}, title), found.length ? el("div", { class: "charts" }, found.slice(0, MOST_CHARTS).map((each) => drawTrend(each, list === data.runs))) : el("p", {}, "no row has a figure in two of them"),
    found.length > MOST_CHARTS ? el("p", { class: "soft" }, `the first ${MOST_CHARTS} of ${found.length} are drawn; narrow the search for the others`) : ""];
};
const draw = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  charts.replaceChildren(...[...drawSome("Over runs", data.runs, words), ...drawSome("Over versions of Python and of the runtime", data.environments, words)].filter(Boolean));
};
search.addEventListener("input", draw);
search.form.addEventListener("submit", (event) => event.preventDefault());
draw();
