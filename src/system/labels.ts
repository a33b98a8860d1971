const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** DAOS_PROP_LABEL_MAX_LEN. */
const maxLabelLength = 127;

/** A UUID in lower case, or undefined when the text is none. */
export function parseUuid(text: string): string | undefined {
  return uuidPattern.test(text) ? text.toLowerCase() : undefined;
}

/** Letters, digits and ". _ : -", at most 127 of them, and nothing that could be taken for a UUID. */
export function isValidLabel(label: string): boolean {
  return label.length <= maxLabelLength && /^[A-Za-z0-9._:-]+$/.test(label) && !uuidPattern.test(label);
}
