// On every page. (Jupyter Book loads each script of this folder.)
addEventListener("DOMContentLoaded", () => {
  // Widgets call MathJax 2 for the formulas of a label; the pages have MathJax 3.
  if (window.MathJax) {
    const typeset = (element) => MathJax.typesetPromise([element]);
    MathJax.Hub = {
      Queue: ([, , element]) => MathJax.startup.promise.then(() => typeset(element)),
    };
  }
  // A list for screen readers may not hold the role that docutils gives to references.
  for (const reference of document.querySelectorAll(".citation-list > .citation")) {
    reference.role = "listitem";
  }
});
