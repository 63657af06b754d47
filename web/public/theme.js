// Runs before the first paint, so that a dark page never flashes white. A file, not an inline
// script: the content security policy allows none.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("placewatch.theme");
  } catch (_error) {
    // Storage may be blocked; the system's light is right then.
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
