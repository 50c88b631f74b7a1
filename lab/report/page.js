"use strict";
{
  const root = document.documentElement;
  const find = (selector) => document.querySelector(selector);
  const scenarios = [...document.querySelectorAll("details.scenario")];

  // Light, dark, or the system's scheme. Some browsers store nothing for a local file.
  const schemes = ["auto", "light", "dark"];
  const stored = (scheme) => {
    try {
      if (scheme) localStorage.setItem("scheme", scheme);
      return localStorage.getItem("scheme");
    } catch {
      return null;
    }
  };
  const button = find("#scheme");
  const show = (scheme) => {
    if (scheme === "auto") delete root.dataset.scheme;
    else root.dataset.scheme = scheme;
    button.dataset.scheme = scheme;
    button.querySelector("span").textContent = scheme;
  };
  button.addEventListener("click", () => {
    const next = schemes[(schemes.indexOf(button.dataset.scheme) + 1) % schemes.length];
    show(next);
    stored(next);
  });
  show(schemes.includes(stored()) ? stored() : "auto");
  button.hidden = false;

  // The filter.
  const form = find(".filter");
  const words = find("#words");
  const verdicts = [...form.querySelectorAll("[data-show]")];
  const openAll = find("#every");
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = verdicts.find((button) => button.getAttribute("aria-pressed") === "true").dataset.show;
    let count = 0;
    for (const each of scenarios) {
      const fits = wanted.every((word) => each.dataset.words.includes(word));
      each.hidden = !(fits && (!verdict || each.dataset.verdict === verdict));
      count += !each.hidden;
    }
    find("#count").textContent = `${count} of ${scenarios.length} shown`;
    find("#none").hidden = count > 0;
  };
  const press = (pressed) => {
    for (const each of verdicts) each.setAttribute("aria-pressed", String(each === pressed));
    filter();
  };
  words.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const each of verdicts) each.addEventListener("click", () => press(each));
  openAll.addEventListener("click", () => {
    const open = openAll.getAttribute("aria-pressed") === "false";
    openAll.setAttribute("aria-pressed", String(open));
    for (const each of scenarios) if (!each.hidden) each.open = open;
  });
  form.hidden = false;
  filter();

  // A link to a scenario opens it, even where the filter hides it.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const scenario = target?.closest("details.scenario");
    if (!scenario) return;
    if (scenario.hidden) {
      words.value = "";
      press(verdicts[0]);
    }
    scenario.open = true;
    scenario.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  addEventListener("beforeprint", () => {
    for (const each of scenarios) if (!each.hidden) each.open = true;
  });
}
