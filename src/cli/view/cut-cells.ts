/** Text cut to the cells of a terminal's line: some characters take two. Pure. */

export function cutCells(text: string, cells: number): string {
  if (Bun.stringWidth(text) <= cells) return text;
  let [kept, width] = ["", 0];
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += Bun.stringWidth(segment);
    if (width > cells - 1) break;
    kept += segment;
  }
  return cells > 0 ? `${kept}…` : "";
}
