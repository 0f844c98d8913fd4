/* Search shows parts of pages as text, in which formulas would stand as TeX: short ones such as q and p(x) may, others
   become an ellipsis, one for all pieces of a formula. */
"use strict";
if (typeof Search !== "undefined") {
  const toText = Search.htmlToText;
  const formula = /<(span|div) class="math[^>]*>\s*\\[([]([^<]*?)\\[)\]]\s*<\/\1>/g;
  Search.htmlToText = (html, anchor) => {
    const short = html.replace(formula, (_, tag, tex) => (tex.includes("\\") ? "…" : tex));
    return toText(short.replace(/…+/g, "…"), anchor);
  };
}
