// The overview: draws what /support/overview/figures tells, and has the page's figures refreshed while somebody looks.

const every = 5000, hour = 3600;
const colours = ["--busy", "--good", "--bad", "--warn", "--still"];
const dashes = [[], [8, 4], [3, 3], [12, 4, 3, 4], [2, 5]]; // so that lines differ without colours
const borders = ["solid", "dashed", "dotted", "dashed", "dotted"]; // and what the legend can show of that

// The charts by id: a line is its name, its values and which of the colours it has.
const drawings = {
  rates: (d) => [["accepted", d.rates.accepted, 0], ["confirmed", d.rates.confirmed, 1], ["failed", d.rates.failed, 2], ["cancelled", d.rates.cancelled, 4]],
  codes: (d) => d.codes.map((line, i) => [line.code.replaceAll("_", " "), line.rates, (i + 2) % colours.length]),
  pools: (d) => d.pools.map((pool, i) => [pool.pool, pool.in_use.map((n) => Math.round((100 * n) / pool.size)), [0, 3, 1, 4][i % 4]]),
  queues: (d) => d.pools.map((pool, i) => [pool.pool, pool.waiting, [0, 3, 1, 4][i % 4]]),
  backlog: (d) => [["due and waiting", d.backlog, 3], ["held in memory", d.held, 0]],
  oldest: (d) => [["seconds", d.oldest, 3]],
  unknown: (d) => [["unknown outcomes", d.rates.unknown, 2]],
  shed: (d) => [["sent away", d.rates.shed, 3]],
};

let data = null, asking = false;
const plots = new Map();

const note = document.getElementById("charts-note");
const refresh = document.getElementById("refresh");
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const precise = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// lists are all arrays of values in an answer, in an order that two answers about the same systems share.
const lists = (d) => [
  d.at, d.backlog, d.held, d.oldest, ...Object.keys(d.rates).sort().map((name) => d.rates[name]),
  ...d.codes.map((line) => line.rates), ...d.pools.flatMap((pool) => [pool.in_use, pool.waiting]),
];
const kinds = (d) => JSON.stringify([d.begun, d.codes.map((line) => line.code), d.pools.map((pool) => [pool.pool, pool.size])]);

async function ask(since) {
  const answer = await fetch(`/support/overview/figures?since=${since}`, { headers: { Accept: "application/json" } });
  if (answer.status === 401) location.reload(); // the session is over: the page asks to sign in
  if (!answer.ok) throw new Error(`figures: ${answer.status}`);
  return answer.json();
}

// load asks for what is new, and for everything again where there are other lines now, or another process answers.
async function load() {
  if (asking) return;
  asking = true;
  try {
    let fresh = await ask(data?.at.at(-1) ?? 0);
    if (data && fresh.at.length > 0 && kinds(fresh) !== kinds(data)) {
      data = null;
      fresh = await ask(0);
    }
    if (!data) {
      data = fresh;
    } else if (fresh.at.length > 0) {
      const more = lists(fresh);
      lists(data).forEach((list, i) => list.push(...more[i]));
      const old = data.at.findIndex((at) => at > data.at.at(-1) - hour);
      lists(data).forEach((list) => list.splice(0, old));
    }
    note.textContent = data.at.length < 2 ? "The charts begin within half a minute." : "";
    draw();
  } catch (error) {
    note.textContent = "The figures cannot be read at the moment; the charts show the last ones.";
    console.warn(error);
  } finally {
    asking = false;
  }
}

function draw() {
  if (data.at.length < 2) return;
  for (const [id, drawing] of Object.entries(drawings)) {
    const figure = document.getElementById(`chart-${id}`), lines = drawing(data);
    const title = figure.querySelector("figcaption").textContent, plot = figure.querySelector(".plot");
    plot.setAttribute("aria-label", inWords(title, lines));
    tabulate(figure, title, lines);
    const drawn = plots.get(id);
    if (drawn && drawn.series.length === lines.length + 1 && lines.every(([name], i) => drawn.series[i + 1].label === name)) {
      drawn.setData([data.at, ...lines.map(([, values]) => values)]);
    } else {
      drawn?.destroy();
      plot.replaceChildren();
      if (lines.length > 0) plots.set(id, chart(plot, lines));
      else plots.delete(id);
      if (lines.length === 0) plot.textContent = "None so far.";
    }
  }
}

function chart(plot, lines) {
  const axis = () => ({
    stroke: colour("--pico-muted-color"), font: "12px system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 },
  });
  return new uPlot({
    width: plot.clientWidth, height: 200,
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    legend: { markers: { dash: (u, i) => borders[lines[i - 1]?.[2]] ?? "solid", width: 3 } },
    hooks: { setCursor: [latest], setData: [latest], ready: [latest] },
    scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [{ ...axis(), values: (u, at, axis, space, step) => at.map((t) => (step < 60 ? precise : clock).format(t * 1000)), space: 90 }, { ...axis(), size: 52 }],
    series: [
      { label: "at", value: (u, at) => (at == null ? "–" : precise.format(at * 1000)) },
      ...lines.map(([label, , look]) => ({
        label, stroke: colour(colours[look]), width: 2, dash: dashes[look], points: { show: false }, value: (u, v) => v ?? "–",
      })),
    ],
  }, [data.at, ...lines.map(([, values]) => values)], plot);
}

// latest has the legend say the last values while nobody points at others.
function latest(u) {
  if (u.cursor.idx == null) u.setLegend({ idx: u.data[0].length - 1 }, false);
}

// inWords says what a chart shows to those who do not see it.
function inWords(title, lines) {
  const minutes = Math.round((data.at.at(-1) - data.at[0]) / 60);
  const said = lines.map(([name, values]) => `${name}: now ${values.at(-1)}, highest ${Math.max(...values)}`);
  return `${title}, of the last ${minutes} minutes. ${said.join("; ") || "None so far"}.`;
}

// tabulate writes a row for every five minutes, newest first, once somebody opens the table.
function tabulate(figure, title, lines) {
  const details = figure.querySelector("details"), table = figure.querySelector("table");
  if (!details.open) return;
  const cell = (name, text, scope) => {
    const made = document.createElement(name);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  };
  const row = (...cells) => {
    const made = document.createElement("tr");
    made.append(...cells);
    return made;
  };
  const ends = data.at.map((_, i) => i).filter((i) => i === data.at.length - 1 || Math.floor(data.at[i] / 300) !== Math.floor(data.at[i + 1] / 300));
  const caption = cell("caption", title), head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(row(cell("th", "at", "col"), ...lines.map(([name]) => cell("th", name, "col"))));
  body.append(...ends.reverse().map((i) => row(cell("th", clock.format(data.at[i] * 1000), "row"), ...lines.map(([, values]) => cell("td", values[i])))));
  table.replaceChildren(caption, head, body);
}

function redraw() {
  plots.forEach((plot) => plot.destroy());
  plots.clear();
  if (data) draw();
}

function tick() {
  if (document.hidden || !refresh.checked) return;
  htmx.trigger("#now", "tick");
  load();
}

for (const figure of document.querySelectorAll("figure.chart")) {
  figure.querySelector("details").addEventListener("toggle", () => data && draw());
  new ResizeObserver(([entry]) => {
    plots.get(figure.id.replace("chart-", ""))?.setSize({ width: Math.floor(entry.contentRect.width), height: 200 });
  }).observe(figure.querySelector(".plot"));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
document.addEventListener("visibilitychange", tick);
refresh.addEventListener("change", tick);
setInterval(tick, every);
load();
