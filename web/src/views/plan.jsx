// The departure: so much energy by a time of day, the times that the charger has chosen for it, their prices and why.
import { put } from "../api.js";
import { Bars, Card, Field } from "../parts.jsx";
import { useAction, useLoaded } from "../state.jsx";
import { duration, locale, number, t, translated } from "../text.js";

const MINUTE = 60000;
const SHOWN = 86400000; // of the prices: a day from now on

// The slots of the tariff that are not over: { start, end, price }, times in ms.
function slotsOf(blocks, from) {
  return blocks.flatMap(({ start, minutes, prices }) => prices.map((price, at) => {
    const begin = Date.parse(start) + at * minutes * MINUTE;
    return { start: begin, end: begin + minutes * MINUTE, price };
  })).filter(({ start, end }) => end > from && start < from + SHOWN);
}

const meet = (one, other) => one.start < other.end && other.start < one.end;
const clock = (time) => new Date(time).toLocaleTimeString(locale(), { timeStyle: "short" });

function Prices({ slots, times }) {
  const rows = slots.map((slot) => {
    const chosen = times.some((time) => meet(slot, time));
    const start = new Date(slot.start);
    return {
      name: clock(slot.start), label: start.getMinutes() || start.getHours() % 6 ? "" : String(start.getHours()),
      value: slot.price, shown: number(slot.price, 2), note: chosen ? t("chosen") : "", faint: times.length > 0 && !chosen,
    };
  });
  return <Bars rows={rows} unit="/ kWh" caption={t("prices")} />;
}

function Times({ slots, times }) {
  return (
    <ul class="list">
      {times.map((time) => {
        const prices = slots.filter((slot) => meet(slot, time)).map(({ price }) => price);
        const [least, most] = [Math.min(...prices), Math.max(...prices)].map((price) => number(price, 2));
        return (
          <li key={time.start}>
            <b>{clock(time.start)} – {clock(time.end)}</b>
            <span>{prices.length ? `${least === most ? least : `${least} – ${most}`} / kWh` : t("noPrice")}</span>
          </li>
        );
      })}
    </ul>
  );
}

function Wish({ id, plan, reload }) {
  const [act, busy] = useAction();
  const save = (wish) => act(() => put("/api/plan", { connector: Number(id), ...wish }).then(reload), t("done.saved"));
  function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    save({ depart: form.get("depart"), kwh: Number(form.get("kwh")) });
  }
  return (
    <form onSubmit={submit}>
      <Field label={t("departAt")} name={`depart-${id}`}>
        <input key={plan.depart} id={`depart-${id}`} name="depart" type="time" required defaultValue={plan.depart || ""} />
      </Field>
      <Field label={t("departKwh")} name={`kwh-${id}`}>
        <input key={plan.energy_wh} id={`kwh-${id}`} name="kwh" type="number" required min="0.1" max="200" step="0.1"
          defaultValue={plan.energy_wh === null ? "" : plan.energy_wh / 1000} />
      </Field>
      <div class="row">
        <button disabled={busy}>{t("save")}</button>
        {plan.depart !== null && <button type="button" class="plain" disabled={busy} onClick={() => save({})}>{t("remove")}</button>}
      </div>
    </form>
  );
}

// `connector` is the live status: the plan is loaded again when what it does now changes.
export function Departure({ id, connector, alone, utc, mayChange }) {
  const now = connector.plan;
  const [plan, error, reload] = useLoaded(`/api/plan?connector=${id}`, now && `${now.why} ${now.next_change}`);
  const [tariff] = useLoaded("/api/tariff");
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!plan || !tariff) return <p class="loading" role="status">{t("loading")}</p>;
  const slots = slotsOf(tariff.blocks, utc ? Date.parse(utc) : Date.now());
  const times = plan.times.map(({ start, end }) => ({ start: Date.parse(start), end: Date.parse(end) }));
  return (
    <Card title={alone ? t("departure") : `${t("departure")}, ${t("connector", id)}`} id={`departure-${id}`}>
      <p>{t("departText")}</p>
      {mayChange && <Wish id={id} plan={plan} reload={reload} />}
      {plan.depart !== null && <p class="why"><b>{plan.why ? translated(plan.why) : t("planLater")}</b></p>}
      {plan.missing_s > 0 && <p class="error">{t("planMissing", duration(plan.missing_s))}</p>}
      {times.length > 0 && <Times slots={slots} times={times} />}
      {slots.length > 0 ? <Prices slots={slots} times={times} /> : <p class="hint">{t("noPrices")}</p>}
    </Card>
  );
}
