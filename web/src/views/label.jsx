// What the label says, to print it anew. The PIN and the passwords are on the one that came with the charger, and only there.
import { Card, Fact } from "../parts.jsx";
import { useLoaded } from "../state.jsx";
import { t } from "../text.js";

export function Label({ status }) {
  const [label, error] = useLoaded("/api/label");
  const { wifi } = status;
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!label) return <p class="loading" role="status">{t("loading")}</p>;
  return (
    <>
      <div class="screen">
        <h1>{t("label")}</h1>
        <Card>
          <p>{t("labelText")}</p>
          <div class="row">
            <button onClick={() => print()}>{t("print")}</button>
            <a class="button plain" href="#/unit">{t("nav.unit")}</a>
          </div>
        </Card>
      </div>
      <section class="card paper" aria-labelledby="label-title">
        <h2 id="label-title">{label.vendor} {label.model}</h2>
        <dl class="facts">
          <Fact name={t("serial")}>{label.serial}</Fact>
          {label.network && <Fact name={t("setupNetwork")}>{label.network}</Fact>}
          <Fact name={t("address")}>{`https://${wifi && wifi.up ? wifi.ip : location.host}`}</Fact>
          <Fact name={t("hostName")}>{label.host}</Fact>
          <Fact name={t("firmware")}>{status.firmware}</Fact>
          <Fact name={t("supportUntil")}>{status.support_until || t("notSaid")}</Fact>
        </dl>
      </section>
    </>
  );
}
