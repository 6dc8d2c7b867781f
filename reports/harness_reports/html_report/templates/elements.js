// Elements, numbers and the charts. Every text goes into a text node, so that none of it is ever markup.
const SVG = "http://www.w3.org/2000/svg";
const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return node;
};
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// A number with its prefix: 0.0013 s is 1.3 ms, 1200 1/s is 1.2k/s.
const withPrefix = (value, unit) => {
  const time = unit === "s";
  const steps = time ? [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]] : [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
  if (!value) return `0${time ? " s" : ""}`;
  const [size, name] = steps.find(([each]) => Math.abs(value) >= each * 0.9995) ?? steps.at(-1);
  const text = `${Number((value / size).toPrecision(3))}`;
  return time ? `${text} ${name}` : `${text}${name}${unit === "1/s" ? "/s" : unit ? ` ${unit}` : ""}`;
};

const colour = (label) => `var(--series-${(Math.max(data.columns.indexOf(label), 0) % 8) + 1})`;
const marker = (label, x, y, size = 4) => {
  const place = Math.max(data.columns.indexOf(label), 0) % 4;
  const fillWith = colour(label);
  if (place === 0) return svg("circle", { cx: x, cy: y, r: size, fill: fillWith });
  if (place === 1) return svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, fill: fillWith });
  const points = place === 2 ? `${x},${y - size} ${x + size},${y + size} ${x - size},${y + size}` : `${x},${y - size} ${x + size},${y} ${x},${y + size} ${x - size},${y}`;
  return svg("polygon", { points, fill: fillWith });
};

// A linear scale, or a logarithmic one where the largest is many times the smallest.
const scaleOf = (values, from, to) => {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isLog = least > 0 && most / least >= 6;
  const place = isLog ? Math.log10 : (value) => value;
  const pad = (place(most) - place(least)) * 0.06 || Math.abs(place(most)) * 0.1 || 1;
  const [low, high] = [place(least) - pad, place(most) + pad];
  const scale = (value) => from + ((place(value) - low) / (high - low)) * (to - from);
  const ticks = [];
  if (isLog) {
    const decades = high - low;
    for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
      for (const step of decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5]) ticks.push(step * 10 ** power);
    }
  } else {
    const raw = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
    for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(Number(tick.toPrecision(12)));
  }
  return { scale, ticks: ticks.filter((tick) => place(tick) >= low && place(tick) <= high) };
};

const figure = (title, words, drawing) =>
  el("figure", {}, el("figcaption", {}, title), el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": title }, el("div", { role: "img", "aria-label": words }, drawing)));

const legend = (labels) => el("p", { class: "legend" }, labels.map((label) => el("span", {}, svg("svg", { width: 14, height: 12, "aria-hidden": "true" }, marker(label, 7, 6)), ` ${label}`)));

// Lines over an axis of numbers or names: series of {label, points: [[x, y, low, high]…]}.
const drawLines = (chart) => {
  const [width, height, left, bottom] = [520, 230, 58, 34];
  const points = chart.series.flatMap((series) => series.points);
  const names = chart.names;
  const across = names
    ? { scale: (place) => left + 24 + (place * (width - left - 48)) / Math.max(names.length - 1, 1), ticks: names.map((_, place) => place) }
    : scaleOf(points.map(([x]) => x), left + 8, width - 14);
  const up = scaleOf(points.flatMap(([, y, low, high]) => [y, low ?? y, high ?? y]), height - bottom, 10);
  const xs = names ? across.ticks : [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const grid = up.ticks.map((tick) => [
    svg("line", { x1: left, x2: width - 6, y1: up.scale(tick), y2: up.scale(tick), class: "gridline" }),
    svg("text", { x: left - 6, y: up.scale(tick) + 4, "text-anchor": "end" }, withPrefix(tick, chart.unit)),
  ]);
  const shown = names || xs.length <= 8 ? xs : across.ticks;
  const axis = shown.map((x) => svg("text", { x: across.scale(x), y: height - 14, "text-anchor": "middle" }, names ? names[x] : withPrefix(x, chart.x_unit ?? "")));
  const lines = chart.series.map((series) => [
    svg("polyline", { points: series.points.map(([x, y]) => `${across.scale(x)},${up.scale(y)}`).join(" "), fill: "none", stroke: colour(series.label), "stroke-width": 1.8 }),
    series.points.map(([x, y, low, high]) => [
      low !== undefined && low !== high && svg("line", { x1: across.scale(x), x2: across.scale(x), y1: up.scale(low), y2: up.scale(high), stroke: colour(series.label), "stroke-opacity": 0.5 }),
      marker(series.label, across.scale(x), up.scale(y), 3.5),
    ]),
  ]);
  const label = chart.x ? svg("text", { x: (left + width) / 2, y: height - 3, "text-anchor": "middle" }, chart.x) : "";
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, grid, axis, label, lines);
};

// A line for each backend: a dot, a whisker; `band` shades the factors that make no difference.
const drawDots = (lines, unit, band) => {
  const [step, left, right, width] = [24, 118, 20, 560];
  const height = lines.length * step + 26;
  const values = lines.flatMap((line) => [...line.values, line.low ?? line.values[0], line.high ?? line.values[0]]);
  const across = scaleOf(band ? [...values, 0.97, 1.03] : values, left, width - right);
  const text = (value) => (band ? `×${Number(value.toPrecision(3))}` : withPrefix(value, unit));
  return svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    band && svg("rect", { x: across.scale(1 / 1.03), y: 4, width: across.scale(1.03) - across.scale(1 / 1.03), height: height - 26, class: "band" }),
    across.ticks.map((tick) => [
      svg("line", { x1: across.scale(tick), x2: across.scale(tick), y1: 4, y2: height - 20, class: "gridline" }),
      svg("text", { x: across.scale(tick), y: height - 5, "text-anchor": "middle" }, text(tick)),
    ]),
    lines.map((line, place) => {
      const y = place * step + 16;
      return [
        svg("text", { x: left - 10, y: y + 4, "text-anchor": "end", class: "strong" }, line.label.slice(0, 17)),
        line.low !== undefined && svg("line", { x1: across.scale(line.low), x2: across.scale(line.high), y1: y, y2: y, stroke: colour(line.label), "stroke-width": 1.8 }),
        line.values.map((value) => marker(line.label, across.scale(value), y, line.values.length > 1 ? 3 : 4.5)),
      ];
    }),
  );
};

// Swimlanes: a lane for each actor, its steps at their times; the first step that differs is marked.
const drawLanes = (cell) => {
  const [step, left, right, width] = [34, 118, 70, 760];
  const height = cell.actors.length * step + 30;
  const end = Math.max(...cell.actors.flatMap((actor) => actor.steps.map(([at]) => at)), 1e-6);
  const across = (at) => left + (at / end) * (width - left - right);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * end);
  return svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    ticks.map((tick) => [
      svg("line", { x1: across(tick), x2: across(tick), y1: 4, y2: height - 20, class: "gridline" }),
      svg("text", { x: across(tick), y: height - 5, "text-anchor": "middle" }, withPrefix(tick, "s")),
    ]),
    cell.actors.map((actor, place) => {
      const y = place * step + 22;
      let free = -1;
      return [
        svg("text", { x: left - 10, y: y + 4, "text-anchor": "end", class: "strong" }, actor.name.slice(0, 17)),
        svg("line", { x1: left, x2: across(actor.steps.at(-1)?.[0] ?? 0), y1: y, y2: y, class: "lane" }),
        actor.steps.map(([at, what], index) => {
          const x = across(at);
          const isFirst = index === actor.first;
          const shown = x > free ? what.slice(0, 22) : "";
          if (shown) free = x + shown.length * 6.2 + 8;
          return [
            svg("circle", { cx: x, cy: y, r: isFirst ? 6 : 3.5, class: isFirst ? "first" : "step" }, svg("title", {}, `${what} at ${withPrefix(at, "s")}${isFirst ? ", the first difference" : ""}`)),
            shown && svg("text", { x: x - 3, y: y - 8, class: isFirst ? "first" : "" }, isFirst ? `≠ ${shown}` : shown),
          ];
        }),
      ];
    }),
  );
};
