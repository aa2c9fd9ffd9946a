// The supply of the house: what it takes now, what the charger leaves to it, and the settings of both.
import { useState } from "preact/hooks";
import { Card, Fact, Field } from "../parts.jsx";
import { useLoaded, useSave } from "../state.jsx";
import { duration, number, t, translated } from "../text.js";
import { Group } from "./group.jsx";

const METER = "HouseMeter";
const KINDS = { sunspec: "SunSpec", sdm630: "Eastron SDM630" };
const PARTS = /^(\w+):\/\/([^:/]*):?(\d*)\/?(\d*)$/;

const amps = (value) => `${number(value, 1)} A`;
const watts = (value) => `${number(value / 1000, 1)} kW`;

function Reading({ house }) {
  return (
    <dl class="facts">
      {house.amps.map((value, at) => <Fact key={at} name={`L${at + 1}`}>{amps(value)}</Fact>)}
      <Fact name={t(house.power_w < 0 ? "toGrid" : "fromGrid")}>{watts(Math.abs(house.power_w))}</Fact>
      <Fact name={t("readingAge")}>{house.age_s < 60 ? `${house.age_s} s` : duration(house.age_s)}</Fact>
    </dl>
  );
}

// What is wrong with the reading, "" where it counts.
function trouble({ house, solar }, safe) {
  if (!house || house.known) return "";
  if (house.max_amps > 0) return safe >= 6 ? t("houseSafe", amps(safe)) : t("houseWaits");
  return solar ? t("noSurplus") : "";
}

function Now({ status, settings }) {
  const { house, solar } = status.grid;
  const all = Object.entries(status.connectors);
  const [meter, fault] = [settings[METER].value, status.house_meter];
  const wrong = trouble(status.grid, settings.HouseSafeCurrent.value);
  return (
    <Card title={t("houseNow")} id="house-now">
      {!house && <p>{t("houseIdle")}</p>}
      {house && (house.age_s === null ? <p>{t("noReading")}</p> : <Reading house={house} />)}
      {wrong && <p class="error" role="status">{wrong}</p>}
      {meter && <p>{fault === null ? t("meterLater") : fault ? t("meterFault", translated(fault)) : t("meterRead")}</p>}
      <dl>
        {solar && house.known && <Fact name={t("surplus")}>{watts(Math.max(0, solar.available_w))}</Fact>}
        {all.filter(([, { ocpp_status: state }]) => state !== "Available").map(([id, { limit }]) => (
          <Fact key={id} name={all.length > 1 ? `${t("limitedBy")}, ${t("connector", id)}` : t("limitedBy")}>
            {translated(limit)}
          </Fact>
        ))}
      </dl>
    </Card>
  );
}

// The address of a meter by its parts: the setting is one word of all of them.
function Meter({ entry, reload }) {
  const [save, busy, fault] = useSave(reload);
  const [, kept, host, port, unit] = PARTS.exec(entry.value) || [];
  const [kind, setKind] = useState(kept || "");
  const part = (name, label, value, more) => (
    <Field label={label} name={`meter-${name}`} fault={name === "host" ? fault[METER] : ""}>
      {(about) => <input id={`meter-${name}`} name={name} disabled={!entry.writable} defaultValue={value} {...more} {...about} />}
    </Field>
  );
  function submit(event) {
    event.preventDefault();
    const { host: at, port: by, unit: of } = Object.fromEntries(new FormData(event.target));
    save({ [METER]: kind && `${kind}://${at.trim()}${by && `:${by}`}${of && `/${of}`}` });
  }
  return (
    <Card title={t("houseMeter")} id="house-meter">
      <p>{t("meterText")}</p>
      <form onSubmit={submit}>
        <Field label={t("meterKind")} name="meter-kind">
          <select id="meter-kind" disabled={!entry.writable} onChange={(event) => setKind(event.target.value)}>
            <option value="">{t("meterNone")}</option>
            {Object.entries(KINDS).map(([word, name]) => <option key={word} value={word} selected={word === kind}>{name}</option>)}
          </select>
        </Field>
        {kind && part("host", t("meterHost"), host, { required: true, placeholder: "192.168.1.20" })}
        {kind && part("port", t("meterPort"), port, { type: "number", min: 1, max: 65535, placeholder: "502" })}
        {kind && part("unit", t("meterUnit"), unit, { type: "number", min: 0, max: 247, placeholder: "1" })}
        {entry.writable && <button disabled={busy}>{t("save")}</button>}
      </form>
    </Card>
  );
}

export function House({ status }) {
  const [settings, error, reload] = useLoaded("/api/settings");
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!settings) return <p class="loading" role="status">{t("loading")}</p>;
  const own = { settings, reload };
  const hint = settings.HouseMaxCurrent.writable ? "" : t("byInstaller");
  return (
    <>
      <h1>{t("nav.house")}</h1>
      <Now status={status} settings={settings} />
      <Group name="supply" names={["HouseMaxCurrent", "HouseSafeCurrent"]} hint={hint} {...own} />
      <Meter entry={settings[METER]} reload={reload} />
      <Group name="sharing" names={["GroupMaxCurrent", "GroupUnits", "GroupKey"]} hint={t("sharingText")} {...own} />
      <Group name="solar" names={["SolarMode", "SolarStartPower", "SolarExportPrice"]} {...own} />
    </>
  );
}
