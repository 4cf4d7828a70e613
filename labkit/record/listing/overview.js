"use strict";
// The table is sorted when it comes; its heads are made buttons only where this runs.
for (const head of document.querySelectorAll("thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    const at = (row) => row.cells[head.cellIndex].textContent;
    const body = document.querySelector("tbody");
    const rows = [...body.rows].map((row) => [at(row), row]);
    rows.sort(([a], [b]) => (a < b ? -1 : Number(a > b)) * (up ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
    for (const other of document.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
}
