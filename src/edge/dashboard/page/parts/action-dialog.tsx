/**
 * Asks before anything is done, with the fields that it needs, and shows what the node says when it refuses. The browser's own modal
 * dialog: focus stays within, Escape closes it, and goes back to where it was.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Action, type Field, FieldFault, type FieldValues } from "../logic/actions.ts";
import { type Call, Problem } from "../state/api.ts";

interface ActionDialogProps {
  readonly action: Action;
  readonly call: Call;
  readonly cancel: () => void;
  readonly done: (text: string) => void;
}

export function ActionDialog({ action, call, cancel, done }: ActionDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [fault, setFault] = useState<Fault>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setFault(undefined);
    try {
      const { contract, input, method } = action.request(valuesOf(event.currentTarget as HTMLFormElement)); // it is the form's
      await call(contract, method, input);
      done(action.done);
    } catch (thrown) {
      setFault(faultOf(thrown));
      setBusy(false);
    }
  };
  const { confirm, fields = [], isGrave, text, title } = action;
  return (
    <dialog
      ref={dialog}
      onCancel={cancel}
      onClose={cancel}
      aria-labelledby="dialog-title"
      aria-describedby="dialog-text"
    >
      <form onSubmit={submit} noValidate>
        <h2 id="dialog-title">{title}</h2>
        <p id="dialog-text">{text}</p>
        {fields.map((field) => (
          <FieldRow key={field.name} field={field} fault={fault?.field === field.name ? fault.text : undefined} />
        ))}
        {fault && fault.field === undefined && (
          <p class="fault" role="alert">
            {fault.text}
            {fault.code !== undefined && <code>{fault.code}</code>}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class={isGrave ? "primary grave" : "primary"} disabled={isBusy}>
            {isBusy ? "Working…" : confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface Fault {
  readonly field: string | undefined;
  readonly text: string;
  readonly code: string | undefined;
}

function faultOf(thrown: unknown): Fault {
  if (thrown instanceof FieldFault) return { field: thrown.field, text: thrown.message, code: undefined };
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return { field: undefined, text, code: thrown instanceof Problem ? thrown.code : undefined };
}

function valuesOf(form: HTMLFormElement): FieldValues {
  const values = [...new FormData(form)].flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []));
  return Object.fromEntries(values);
}

function FieldRow({ field, fault }: { readonly field: Field; readonly fault: string | undefined }) {
  const { hint, isRequired, isSwitch, label, lines, name, value } = field;
  const id = `field-${name}`;
  if (isSwitch) {
    return (
      <div class="field">
        <label class="switch" for={id}>
          <input id={id} name={name} type="checkbox" /> {label}
        </label>
      </div>
    );
  }
  const common = {
    id,
    name,
    required: isRequired ?? false,
    spellcheck: false,
    autocomplete: "off",
    "aria-describedby": `${id}-hint`,
    "aria-invalid": fault !== undefined,
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {lines ? (
        <textarea {...common} rows={lines} defaultValue={value ?? ""} />
      ) : (
        <input {...common} defaultValue={value ?? ""} />
      )}
      <p
        id={`${id}-hint`}
        class={fault === undefined ? "hint" : "fault"}
        role={fault === undefined ? undefined : "alert"}
      >
        {fault ?? hint}
      </p>
    </div>
  );
}
