(() => {
  "use strict";
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    target.scrollIntoView();
    const place = target.matches("summary, a") ? target : target.closest("details")?.querySelector("summary") || target;
    if (!place.matches("summary, a, button, input")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  // The fragment of the cell that was opened last is what a reader copies from the address bar.
  document.addEventListener("toggle", (event) => {
    const box = event.target;
    if (box.matches("details.cell") && box.open) history.replaceState(null, "", "#" + box.dataset.anchor);
  }, true);

  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const number = cell?.dataset.order;
    return number === undefined ? cell?.textContent.trim() ?? "" : number === "" ? Infinity : Number(number);
  };
  const before = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  for (const head of document.querySelectorAll("table.sortable thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      for (const body of head.closest("table").tBodies) {
        const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
        const keys = new Map(rows.map((row) => [row, keyOf(row, head.cellIndex)]));
        rows.sort((a, b) => {
          const [x, y] = [keys.get(a), keys.get(b)];
          if (x === Infinity || y === Infinity) return (x === Infinity) - (y === Infinity);
          return down ? before(y, x) : before(x, y);
        });
        body.append(...rows);
      }
    });
  }

  const search = document.getElementById("search");
  const rows = [...document.querySelectorAll(".matrix tbody tr:not(.group)")];
  const texts = rows.map((row) => (row.dataset.scenario + " " + row.textContent).toLowerCase());
  const status = document.getElementById("shown");
  const only = document.getElementById("only-differences");
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => texts[index].includes(word));
      shown += !row.hidden && !(only.checked && row.classList.contains("alike"));
    });
    for (const body of document.querySelectorAll(".matrix tbody")) body.hidden = [...body.rows].every((row) => row.hidden || row.classList.contains("group"));
    status.textContent = `${shown} of ${rows.length} rows`;
  };
  if (search) {
    search.closest("label").hidden = false;
    search.addEventListener("input", filter);
    only.addEventListener("change", filter);
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.print:not([open])")];
    for (const box of opened) box.open = true;
  });
  addEventListener("afterprint", () => opened.forEach((box) => { box.open = false; }));
})();
