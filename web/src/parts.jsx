// Small building blocks of the views.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "./text.js";

export function Card({ title, children, id }) {
  return (
    <section class="card" aria-labelledby={id}>
      {title && <h2 id={id}>{title}</h2>}
      {children}
    </section>
  );
}

// `fault`: why the charger refused what stands in the field. Children may be a function of the attributes that tell it.
export function Field({ label, hint, name, inline, fault, children }) {
  useEffect(() => {
    if (fault) document.getElementById(name).focus();
  }, [fault]);
  const notes = [hint && `${name}-hint`, fault && `${name}-fault`].filter(Boolean).join(" ");
  const about = { "aria-invalid": fault ? "true" : undefined, "aria-describedby": notes || undefined };
  return (
    <div class={inline ? "field inline" : "field"}>
      <label for={name}>{label}</label>
      {typeof children === "function" ? children(about) : children}
      {hint && <p class="hint" id={`${name}-hint`}>{hint}</p>}
      {fault && <p class="error" role="alert" id={`${name}-fault`}>{fault}</p>}
    </div>
  );
}

// A button that asks once more before it acts.
export function Confirmed({ label, question, act, danger, disabled }) {
  const [open, setOpen] = useState(false);
  const dialog = useRef(null);
  useEffect(() => {
    if (open) dialog.current.showModal();
  }, [open]);
  return (
    <>
      <button class={danger ? "danger" : "plain"} disabled={disabled} onClick={() => setOpen(true)}>{label}</button>
      {open && (
        <dialog ref={dialog} onClose={() => setOpen(false)} aria-label={label}>
          <p>{question}</p>
          <div class="row">
            <button class="plain" onClick={() => dialog.current.close()}>{t("cancel")}</button>
            <button class={danger ? "danger" : ""} onClick={() => { dialog.current.close(); act(); }}>{label}</button>
          </div>
        </dialog>
      )}
    </>
  );
}

export function Fact({ name, children }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

// Offers text as a file, made in the browser.
export function saveFile(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Bars with their values, below zero as well; a screen reader gets the same as a table.
export function Bars({ rows, unit, caption }) {
  const values = rows.map((row) => row.value);
  const least = Math.min(...values, 0);
  const scale = 40 / (Math.max(...values, least + 0.001) - least);
  const width = 100 / rows.length;
  return (
    <figure class="bars">
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
        {rows.map((row, at) => (
          <rect key={at} class={row.faint ? "faint" : ""} x={at * width + width * 0.15} width={width * 0.7}
            y={40 - (Math.max(row.value, 0) - least) * scale} height={Math.abs(row.value) * scale}>
            <title>{`${row.name}: ${row.shown} ${unit}`}</title>
          </rect>
        ))}
      </svg>
      <div class="labels" aria-hidden="true">{rows.map((row, at) => <span key={at}>{row.label}</span>)}</div>
      <div class="hidden">
        <table>
          <caption>{caption}</caption>
          <tbody>
            {rows.map((row, at) => <tr key={at}><th scope="row">{row.name}</th><td>{row.shown} {unit} {row.note}</td></tr>)}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
