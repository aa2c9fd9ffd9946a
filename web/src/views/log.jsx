import { useState } from "preact/hooks";
import { Card, saveFile } from "../parts.jsx";
import { useLoaded } from "../state.jsx";
import { moment, t } from "../text.js";

export function Log() {
  const [before, setBefore] = useState(null);
  const [log, error] = useLoaded(`/api/log?count=20${before === null ? "" : `&before=${before}`}`);
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!log) return <p class="loading" role="status">{t("loading")}</p>;
  return (
    <>
      <h1>{t("log")}</h1>
      <Card>
        {log.broken !== null && <p class="error" role="alert">{t("logBroken", log.broken)}</p>}
        <ol class="list" reversed>
          {log.entries.slice().reverse().map((entry) => (
            <li key={entry.seq}>
              <b>{entry.event}</b><span>{entry.time ? moment(entry.time) : t("unknown")}</span>
              {entry.info && <span>{entry.info}</span>}
              {!entry.genuine && <span class="error">{t("altered")}</span>}
            </li>
          ))}
        </ol>
        <div class="row">
          {before !== null && <button class="plain" onClick={() => setBefore(null)}>{t("newest")}</button>}
          {log.before !== null && <button class="plain" onClick={() => setBefore(log.before)}>{t("older")}</button>}
          <button class="plain" onClick={() => saveFile("log.json", "application/json", JSON.stringify(log.entries, null, 1))}>
            {t("saveAs", "JSON")}
          </button>
        </div>
      </Card>
    </>
  );
}
