/* Figures with positions get a slider. Every position was drawn when the docs were built; see docs/_ext/figures.py.
   With scripts off the drawing that stands in the page stays as it is. */
"use strict";
for (const source of document.querySelectorAll("script.vi-frames")) {
  const { label, start, positions, moving, frames } = JSON.parse(source.textContent);
  const figure = source.parentElement;
  const parts = figure.querySelector("svg").querySelectorAll("path, use, text, tspan");
  const row = document.createElement("label");
  row.className = "vi-slider";
  const name = document.createElement("span");
  name.textContent = label;
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: 0, max: positions.length - 1, step: 1, value: start });
  const shown = document.createElement("output");
  const show = () => {
    const at = Number(range.value);
    shown.textContent = positions[at].replace("-", "\u2212"); // a minus as long as those of the axes
    range.setAttribute("aria-valuetext", `${label}: ${shown.textContent}`);
    moving.forEach((index, i) => {
      for (const [attribute, value] of Object.entries(frames[at][i])) {
        if (attribute === "") parts[index].textContent = value;
        else parts[index].setAttribute(attribute, value);
      }
    });
  };
  range.addEventListener("input", show);
  row.append(name, range, shown);
  figure.append(row);
  show();
}
