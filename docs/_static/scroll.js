/* Formulas and figures wider than the screen scroll by themselves; who has no mouse reaches them by the tab key. */
"use strict";
window.addEventListener("load", async () => {
  if (window.MathJax?.startup) await MathJax.startup.promise;
  const reach = () => {
    for (const formula of document.querySelectorAll("div.math, mjx-container, .vi-figure")) {
      if (formula.scrollWidth > formula.clientWidth + 1) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  };
  reach();
  for (const graph of document.querySelectorAll(".vi-scroll")) {
    graph.scrollLeft = (graph.scrollWidth - graph.clientWidth) / 2; // what all rests on stands in the middle
  }
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true); // a folded proof has no width until it is opened
});
