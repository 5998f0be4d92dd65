// Explore: the latent pad with its map's tools, the drawing canvas and the drawn code.

import { ExplorePad } from "../parts/latent_pad.js";
import { Drawing } from "./explore/drawing.js";
import { Reparameterisation } from "./explore/drawn_code.js";
import { MapTools } from "./explore/map_tools.js";
import { OwnImages } from "./explore/own_images.js";

export async function mount(component) {
  const { parentElement, data } = component;
  const pad = new ExplorePad(parentElement, data);
  pad.tools = pad.attach(new MapTools(pad));
  pad.sampling = pad.attach(new Reparameterisation(pad));
  pad.drawing = pad.attach(new Drawing(pad));
  pad.attach(new OwnImages(pad));
  await pad.load(data);
  return pad;
}
