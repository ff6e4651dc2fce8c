// On every page: the handles of ipywidgets' sliders (8.1) have no name of their own. Screen readers
// get the label beside them, and as the value what the page shows.
new MutationObserver(() => {
  for (const slider of document.querySelectorAll(".widget-slider")) {
    const [handle, label, readout] = [".noUi-handle", ".widget-label", ".widget-readout"].map(
      (part) => slider.querySelector(part)
    );
    if (handle && label && readout) {
      handle.setAttribute("aria-label", label.textContent);
      handle.setAttribute("aria-valuetext", readout.textContent);
    }
  }
}).observe(document, { childList: true, characterData: true, subtree: true });
