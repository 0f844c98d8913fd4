/* Where a line has no room for a long name it breaks after an underscore, a point, a slash or a colon, not elsewhere. */
"use strict";
const names = ".prev-next-title, .page-toc code .pre, p.fact code .pre, .field-list strong, .seealso code .pre";
for (const name of document.querySelectorAll(names)) {
  const parts = name.textContent.split(/(?<=[_./]|::)/);
  name.replaceChildren(...parts.flatMap((part) => [part, document.createElement("wbr")]).slice(0, -1));
}
