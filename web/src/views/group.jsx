// A card with some of the charger's settings and its button.
import { Card, Field } from "../parts.jsx";
import { useApp, useSave } from "../state.jsx";
import { t } from "../text.js";

const CHOICES = { TamperPolicy: ["latch", "stop", "report"], SolarMode: ["off", "surplus", "minimum"] };
const LONG = ["MqttRoots", "SyslogRoots", "BackEndRoots"];
const MAY_BE_EMPTY = ["HostName", "WifiAddress", "MqttUrl", "MqttDiscovery", "SyslogServer", "BackEndUrl", "BackEndIdentity", "BackEndRoots", "CpoName"];

// What is typed stays: the page is drawn again each second, and `value` would write over it.
function Input({ name, entry, about }) {
  const common = { id: name, name, disabled: !entry.writable, ...about };
  if (entry.set !== undefined) {
    return <input {...common} type="password" autocomplete="new-password" placeholder={t(entry.set ? "isSet" : "notSet")} />;
  }
  if (typeof entry.value === "boolean") return <input {...common} type="checkbox" defaultChecked={entry.value} />;
  if (typeof entry.value === "number") return <input {...common} type="number" min="0" required defaultValue={entry.value} />;
  if (CHOICES[name]) {
    return (
      <select {...common}>
        {CHOICES[name].map((choice) => <option key={choice} value={choice} selected={choice === entry.value}>{t(`choice.${choice}`)}</option>)}
      </select>
    );
  }
  if (LONG.includes(name)) return <textarea {...common} rows={4} defaultValue={entry.value || ""} />;
  return <input {...common} type="text" required={Boolean(entry.value) && !MAY_BE_EMPTY.includes(name)} defaultValue={entry.value || ""} />;
}

// What the form changes: secrets that were typed, other settings that differ.
function changes(form, names, settings) {
  const wish = {};
  for (const name of names) {
    const entry = settings[name];
    const input = form.elements[name];
    if (!entry.writable) continue;
    if (entry.set !== undefined) {
      if (input.value) wish[name] = input.value;
    } else {
      let value = input.value;
      if (typeof entry.value === "boolean") value = input.checked;
      if (typeof entry.value === "number") value = Number(input.value);
      const usable = value !== "" || MAY_BE_EMPTY.includes(name);
      if (usable && value !== (entry.value === null ? "" : entry.value)) wish[name] = value;
    }
  }
  return wish;
}

// `hint`: what holds for each of the settings.
export function Group({ name, names, settings, reload, hint }) {
  const app = useApp();
  const [save, busy, fault] = useSave(reload);
  const shown = names.filter((key) => key in settings);
  function submit(event) {
    event.preventDefault();
    const wish = changes(event.target, shown, settings);
    if (Object.keys(wish).length) save(wish);
    else app.tell(t("unchanged"));
  }
  return (
    <Card title={t(`group.${name}`)} id={`group-${name}`}>
      <form onSubmit={submit}>
        {shown.map((key) => (
          <Field key={key} label={t(`set.${key}`)} name={key} inline={typeof settings[key].value === "boolean"} hint={hint}
            fault={fault[key]}>
            {(about) => <Input key={String(settings[key].value)} name={key} entry={settings[key]} about={about} />}
          </Field>
        ))}
        {shown.some((key) => settings[key].writable) && <button disabled={busy}>{t("save")}</button>}
      </form>
    </Card>
  );
}
