"use strict";
{
  const root = document.documentElement;
  const find = (selector) => document.querySelector(selector);
  const scenarios = [...document.querySelectorAll("details.scenario")];

  // Light, dark, or as the system has it. A browser may keep nothing for a file: then it forgets.
  const schemes = ["auto", "light", "dark"];
  const kept = (scheme) => {
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
    kept(next);
  });
  show(schemes.includes(kept()) ? kept() : "auto");
  button.hidden = false;

  // The filter.
  const form = find(".filter");
  const words = find("#words");
  const verdicts = [...form.querySelectorAll("[data-show]")];
  const every = find("#every");
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = verdicts.find((one) => one.getAttribute("aria-pressed") === "true").dataset.show;
    let count = 0;
    for (const one of scenarios) {
      const fits = wanted.every((word) => one.dataset.words.includes(word));
      one.hidden = !(fits && (!verdict || one.dataset.verdict === verdict));
      count += !one.hidden;
    }
    find("#count").textContent = `${count} of ${scenarios.length} shown`;
    find("#none").hidden = count > 0;
  };
  const press = (pressed) => {
    for (const one of verdicts) one.setAttribute("aria-pressed", String(one === pressed));
    filter();
  };
  words.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const one of verdicts) one.addEventListener("click", () => press(one));
  every.addEventListener("click", () => {
    const open = every.getAttribute("aria-pressed") === "false";
    every.setAttribute("aria-pressed", String(open));
    for (const one of scenarios) if (!one.hidden) one.open = open;
  });
  form.hidden = false;
  filter();

  // A link to a scenario opens it, whatever is filtered.
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
    for (const one of scenarios) if (!one.hidden) one.open = true;
  });
}
