// Opens the menu where there is room for it, and turns the picture of a figure into the figure when it comes into view.
document.querySelector("nav details").open = innerWidth > 900;

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) show(target);
  },
  { rootMargin: "400px" },
);
for (const figure of document.querySelectorAll("figure.plot")) seen.observe(figure);

/** Texts of a figure have the size that they were drawn with: where there is much less room, the picture stays until it is clicked. */
function show(figure) {
  seen.unobserve(figure);
  if (figure.clientWidth >= 0.8 * Number(figure.querySelector("img").getAttribute("width"))) draw(figure);
  else figure.addEventListener("click", () => draw(figure), { once: true });
}

function draw(figure) {
  const { data, layout, config } = JSON.parse(figure.querySelector("script").textContent);
  const image = figure.querySelector("img");
  const drawing = document.createElement("div");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", image.alt);
  figure.append(drawing);
  globalThis.Plotly.newPlot(drawing, data, layout, config).then(() => image.remove());
}
