// A plot above each table of counts; the table itself says the same and folds away beneath it.
const LONG = 14; // letters; longer names stand beside lying bars

function color(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function bars(table) {
  const rows = [...table.querySelectorAll("tbody tr:not([data-others])")];
  return rows.map((row) => [row.cells[0].textContent.trim(), Number(row.cells[1].dataset.count)]);
}

function option(found) {
  const lying = found.some(([label]) => label.length > LONG) || found.length > 24;
  const [ink, line, accent] = ["--ink-2", "--line", "--accent"].map(color);
  const names = { type: "category", data: found.map(([label]) => label), inverse: lying, axisTick: { show: false } };
  names.axisLabel = { color: ink, width: lying ? 150 : 90, overflow: "truncate" };
  names.axisLine = { lineStyle: { color: line } };
  const counts = { type: "value", minInterval: found.every(([, count]) => Number.isInteger(count)) ? 1 : 0, axisLabel: { color: ink }, splitLine: { lineStyle: { color: line } } };
  return {
    animation: false,
    grid: { left: 8, right: 16, top: 12, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
    xAxis: lying ? counts : names,
    yAxis: lying ? names : counts,
    series: [{ type: "bar", data: found.map(([, count]) => count), itemStyle: { color: accent }, barMaxWidth: 36 }],
  };
}

function fold(table) {
  const rest = document.createElement("details");
  rest.className = "plot-rest";
  rest.append(Object.assign(document.createElement("summary"), { textContent: "The same as a table" }));
  table.replaceWith(rest);
  rest.append(table);
  return rest;
}

function draw(table) {
  const found = bars(table);
  const place = document.createElement("div");
  place.className = "plot";
  place.setAttribute("aria-hidden", "true");
  fold(table).before(place);
  if (found.length > 8 && option(found).yAxis.type === "category") place.style.height = `${found.length * 1.4 + 3}rem`;
  const chart = globalThis.echarts.init(place);
  chart.setOption(option(found));
  new ResizeObserver(() => chart.resize()).observe(place);
  const again = () => chart.setOption(option(found), true);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

if (globalThis.echarts) for (const table of document.querySelectorAll("[data-plot]")) draw(table);
