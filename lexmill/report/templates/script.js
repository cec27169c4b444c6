"use strict";
// Pointing at a box of the lineage graph, or reaching it with the keyboard, lights what it was made from.
const graph = document.querySelector(".lineage");
if (graph) {
  const nodes = [...graph.querySelectorAll(".node")];
  const edges = [...graph.querySelectorAll(".edge")];
  const trace = (node) => {
    const lit = new Set(node ? [node.dataset.node, ...node.dataset.ancestors.split(" ")] : []);
    graph.classList.toggle("traced", Boolean(node));
    nodes.forEach((other) => {
      other.classList.toggle("lit", lit.has(other.dataset.node));
      other.classList.toggle("chosen", other === node);
    });
    edges.forEach((edge) => edge.classList.toggle("lit", lit.has(edge.dataset.from) && lit.has(edge.dataset.to)));
  };
  nodes.forEach((node) => {
    node.addEventListener("mouseenter", () => trace(node));
    node.addEventListener("focus", () => trace(node));
    node.addEventListener("blur", () => trace(null));
  });
  graph.addEventListener("mouseleave", () => trace(null));
}
// On paper nothing stays folded.
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
