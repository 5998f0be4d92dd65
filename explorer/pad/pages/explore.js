// Explore: the latent pad with its map's tools, the drawing canvas and the drawn code.

import { LatentPad } from "../parts/latent_pad.js";
import { mounting } from "../parts/pad.js";
import { CodeGrid } from "./explore/code_grid.js";
import { CodeLevels } from "./explore/levels.js";
import { Completions } from "./explore/completions.js";
import { Drawing } from "./explore/drawing.js";
import { DrawnCode } from "./explore/drawn_code.js";
import { FactorMatrix } from "./explore/factors.js";
import { MapTools } from "./explore/map_tools.js";
import { OwnImages } from "./explore/own_images.js";
import { PassedOn } from "./explore/passed_on.js";
import { PseudoInputs } from "./explore/pseudo_inputs.js";
import { Sensitivity } from "./explore/sensitivity.js";
import { Styles } from "./explore/styles.js";
import { UnitPictures } from "./explore/units.js";

class ExplorePad extends LatentPad {
  constructor(component) {
    super(component);
    this.tools = this.attach(new MapTools(this));
    this.attach(new CodeGrid(this));
    this.attach(new FactorMatrix(this));
    this.attach(new CodeLevels(this));
    this.attach(new Styles(this));
    this.attach(new UnitPictures(this));
    this.completions = this.attach(new Completions(this));
    this.sampling = this.attach(new DrawnCode(this));
    this.attach(new PseudoInputs(this));
    this.attach(new Sensitivity(this));
    this.attach(new PassedOn(this));
    this.drawing = this.attach(new Drawing(this));
    this.attach(new OwnImages(this));
  }
}

export const mount = mounting(ExplorePad);
