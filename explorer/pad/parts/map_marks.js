// What of a map moves: a path around some points, the point in hand, rings, and what is near.

/**
 * Draw a map's marks: {at, kind: "point" | "ghost" | "near" | "input", rings: [[x, y] path, …]}, or
 * {paint(context, view)} which draws itself.
 * @param {import("./map_view.js").MapView} view
 */
export function drawMarks(view) {
  const context = view.top.getContext("2d");
  const { accent, ink, paper } = view.colours;
  const size = view.letters;
  context.clearRect(0, 0, view.width, view.height);
  if (view.path?.length > 1) {
    context.beginPath();
    view.path.forEach((p, i) => context[i ? "lineTo" : "moveTo"](...view.toScreen(p)));
    context.closePath();
    context.lineJoin = "round";
    for (const { colour, width } of [{ colour: paper, width: 4 }, { colour: ink, width: 1.5 }]) {
      context.strokeStyle = colour;
      context.lineWidth = width * size;
      context.stroke();
    }
  }
  for (const mark of view.marks) {
    if (mark.paint) {
      mark.paint(context, view);
      continue;
    }
    const [left, top] = view.toScreen(mark.at);
    for (const ring of mark.rings ?? []) {
      context.beginPath();
      ring.forEach((p, i) => context[i ? "lineTo" : "moveTo"](...view.toScreen(p)));
      context.closePath();
      context.strokeStyle = accent;
      context.lineWidth = 1.5 * size;
      context.stroke();
      context.globalAlpha = 0.1;
      context.fillStyle = accent;
      context.fill();
      context.globalAlpha = 1;
    }
    if (mark.to) {
      context.beginPath();
      context.moveTo(left, top);
      context.lineTo(...view.toScreen(mark.to));
      context.strokeStyle = ink;
      context.globalAlpha = 0.5;
      context.lineWidth = size;
      context.stroke();
      context.globalAlpha = 1;
    }
    context.beginPath();
    if (mark.kind === "point" || mark.kind === "ghost") {
      context.arc(left, top, 9 * size, 0, 2 * Math.PI);
      context.fillStyle = mark.kind === "point" ? accent : "transparent";
      context.lineWidth = 5 * size;
      context.strokeStyle = paper;
      context.stroke();
      context.fill();
      context.lineWidth = 2.5 * size;
      context.strokeStyle = mark.kind === "point" ? paper : accent;
      context.stroke();
    } else {
      context.rect(left - 6 * size, top - 6 * size, 12 * size, 12 * size);
      context.lineWidth = 4 * size;
      context.strokeStyle = paper;
      context.stroke();
      context.lineWidth = 2 * size;
      context.strokeStyle = ink;
      context.stroke();
    }
  }
}
