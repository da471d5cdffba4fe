"use strict";
// Without this everything works, too. Filters apply as they are chosen, a time shows
// itself beside its age, and a slider goes from change to change.
addEventListener("change", (e) => {
  const form = e.target.closest("form.filters");
  if (form && e.target.matches("select, [type=checkbox]")) form.requestSubmit();
});
for (const form of document.forms) {
  // Empty fields stay out of the address.
  form.addEventListener("formdata", (e) => {
    for (const [name, value] of [...e.formData]) if (value === "") e.formData.delete(name);
  });
}
addEventListener("pointerover", (e) => {
  if (e.target.matches("time[datetime]:not([title])")) e.target.title = new Date(e.target.dateTime).toLocaleString();
});
for (const slider of document.querySelectorAll("[data-times]")) {
  const times = JSON.parse(slider.dataset.times), label = slider.closest("label"), output = label.querySelector("output");
  const first = slider.value;
  const say = () => {
    const t = times[slider.value];
    output.textContent = t ? t.slice(0, 16).replace("T", " ") : "now";
    slider.setAttribute("aria-valuetext", output.textContent);
  };
  label.hidden = false;
  say();
  slider.addEventListener("input", say);
  slider.addEventListener("change", () => {
    if (slider.value === first) return;
    const to = new URL(slider.dataset.link, location.href), t = times[slider.value];
    if (t) to.searchParams.set("at", t);
    location.assign(to);
  });
}
