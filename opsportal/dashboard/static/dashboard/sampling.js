// The slider of the sampling form: it fills the fields in, and follows what is typed there.

const SLIDER = "[data-shares]";
const sharesOf = (slider) => slider.dataset.shares.split(" ");

function fillIn(slider) {
  const share = sharesOf(slider)[slider.value];
  const { strategy, rate } = slider.form.elements;
  const isRate = share.endsWith("%");
  strategy.value = isRate ? "rate" : share;
  if (isRate) rate.value = share;
  slider.setAttribute("aria-valuetext", share);
}

/** Move to what the fields say, or to the nearest rate. */
function follow(slider) {
  const { strategy, rate } = slider.form.elements;
  const shares = sharesOf(slider);
  const typed = strategy.value === "rate" ? percent(rate.value) : NaN;
  const distance = (share) => Math.abs(Math.log(parseFloat(share) / typed));
  const rates = shares.filter((share) => share.endsWith("%"));
  const nearest = rates.reduce((one, other) => (distance(other) < distance(one) ? other : one));
  const share = typed > 0 ? nearest : strategy.value;
  if (shares.includes(share)) slider.value = shares.indexOf(share); // not traces a second
  slider.setAttribute("aria-valuetext", strategy.value === "rate" ? rate.value : share);
}

function percent(text) {
  const [, number, sign] = /^\s*([\d.]+)\s*(%?)\s*$/.exec(text) ?? [];
  return number * (sign ? 1 : 100);
}

function meet() {
  for (const slider of document.querySelectorAll(SLIDER)) follow(slider);
}

document.addEventListener("input", ({ target }) => {
  if (target.matches(SLIDER)) fillIn(target);
  else {
    const slider = target.form?.querySelector(SLIDER);
    if (slider) follow(slider);
  }
});
document.addEventListener("htmx:load", meet);
meet();
