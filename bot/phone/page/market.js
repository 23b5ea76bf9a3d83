// The live view of the exchange: spots with a small curve, funds, positions, orders (rows as Kite shapes them).

import { $, count, element, rupees, signed } from "./dom.js";

const CURVE_POINTS = 90;
const MAX_ORDERS = 100;
const curves = new Map();

export function show(view) {
  $("exchange-state").textContent = "live, every second";
  showSpots(view.spots ?? {});
  if (changed("funds", view.funds)) showFunds(view.funds ?? {});
  if (changed("positions", view.positions)) showPositions(view.positions?.net ?? view.positions ?? []);
  if (changed("orders", view.orders)) showOrders(view.orders ?? []);
}

function showSpots(spots) {
  for (const [name, spot] of Object.entries(spots)) {
    const tile = $(`spot-${name}`) ?? addTile(name);
    const price = Number(typeof spot === "object" && spot !== null ? spot.last_price : spot);
    if (Number.isFinite(price)) updateTile(tile, name, price, spot?.ohlc?.close);
  }
}

function addTile(name) {
  const curve = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  curve.setAttribute("viewBox", "0 0 100 28");
  curve.setAttribute("preserveAspectRatio", "none");
  curve.setAttribute("aria-hidden", "true");
  curve.append(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
  const tile = element(
    "div",
    { class: "spot", id: `spot-${name}` },
    element("span", { class: "name" }, name),
    element("strong", { class: "price" }),
    element("small", { class: "change", title: "since the previous close, or since this page was opened" }),
    curve,
  );
  $("spots").append(tile);
  return tile;
}

function updateTile(tile, name, price, previousClose) {
  const points = curves.get(name) ?? [];
  const last = points.at(-1);
  curves.set(name, [...points, price].slice(-CURVE_POINTS));
  const change = price - Number(previousClose ?? curves.get(name)[0]);
  tile.querySelector(".price").textContent = rupees(price);
  tile.querySelector(".change").textContent = signed(change);
  tile.dataset.direction = change < 0 ? "down" : "up";
  if (last !== undefined && last !== price) flash(tile.querySelector(".price"), price > last);
  tile.querySelector("polyline").setAttribute("points", curve(curves.get(name)));
}

function flash(node, up) {
  node.animate([{ color: `var(--${up ? "good" : "bad"})` }, {}], { duration: 700 });
}

function curve(points) {
  const low = Math.min(...points);
  const height = Math.max(...points) - low || 1;
  const step = 100 / Math.max(points.length - 1, 1);
  return points.map((point, index) => `${(index * step).toFixed(2)},${(26 - (24 * (point - low)) / height).toFixed(2)}`).join(" ");
}

function showFunds(funds) {
  const equity = funds.equity ?? funds;
  const used = equity.utilised?.debits ?? equity.used;
  const available = equity.available?.live_balance ?? equity.net ?? equity.available;
  const figures = { Available: available, Used: used, Realised: equity.utilised?.m2m_realised ?? equity.realised };
  const known = Object.entries(figures).filter(([, value]) => value !== undefined && value !== null && typeof value !== "object");
  $("funds").replaceChildren(
    ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", { class: name === "Realised" ? toneOf(value) : "" }, name === "Realised" ? signed(value) : rupees(value)))),
  );
}

function showPositions(positions) {
  const total = positions.reduce((sum, position) => sum + Number(position.pnl ?? 0), 0);
  $("day-pnl").replaceChildren(...(positions.length ? [pnl(total)] : []));
  const sorted = [...positions].sort((a, b) => (Number(b.quantity) !== 0) - (Number(a.quantity) !== 0));
  fill("positions", sorted.map(positionRow), "No positions");
}

function positionRow(position) {
  const closed = Number(position.quantity) === 0;
  const facts = closed
    ? ["closed", position.product]
    : [`${count(position.quantity)} units`, `avg ${rupees(position.average_price)}`, `last ${rupees(position.last_price ?? 0)}`, position.product];
  return element(
    "li",
    { class: closed ? "closed" : "" },
    element("div", {}, element("strong", {}, position.tradingsymbol), pnl(position.pnl ?? 0)),
    element("div", { class: "facts" }, element("span", {}, facts.filter(Boolean).join(" · "))),
  );
}

function pnl(value) {
  return element("span", { class: `pnl ${toneOf(value)}` }, signed(value));
}

function toneOf(value) {
  if (Number(value) === 0) return "";
  return Number(value) < 0 ? "bad" : "good";
}

function showOrders(orders) {
  $("order-count").textContent = orders.length || "";
  const newest = [...orders].sort((a, b) => String(b.order_timestamp).localeCompare(String(a.order_timestamp)));
  fill("orders", newest.slice(0, MAX_ORDERS).map(orderRow), "No orders yet");
}

function orderRow(order) {
  const price = Number(order.average_price) || Number(order.price) || Number(order.trigger_price);
  const facts = [
    `${count(order.filled_quantity ?? 0)}/${count(order.quantity)}`,
    order.order_type,
    price ? `${Number(order.average_price) ? "avg" : "at"} ${rupees(price)}` : null,
    String(order.order_timestamp ?? "").slice(11, 19),
  ];
  const status = String(order.status ?? "");
  const tone = status === "COMPLETE" ? "good" : status === "REJECTED" ? "bad" : "";
  const side = element("span", { class: `side ${order.transaction_type}` }, order.transaction_type);
  return element(
    "li",
    { title: order.status_message ?? "" },
    element("div", {}, element("strong", {}, side, order.tradingsymbol), element("span", { class: `pill ${tone}` }, status.toLowerCase())),
    element("div", { class: "facts" }, element("span", {}, facts.filter(Boolean).join(" · "))),
    order.status_message ? element("div", { class: "facts bad" }, order.status_message) : null,
  );
}

const drawn = new Map();

// Redraws a part only when its data changed, so that a selection or a tooltip in it lives on.
function changed(part, data) {
  const text = JSON.stringify(data);
  if (drawn.get(part) === text) return false;
  drawn.set(part, text);
  return true;
}

function fill(id, rows, otherwise) {
  $(id).replaceChildren(...(rows.length ? rows : [element("li", { class: "none" }, otherwise)]));
}
