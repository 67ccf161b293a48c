"""The side-by-side benchmark: `casino bench`, or `make bench`.

A *product* (Casino or a peer) runs as a tree of processes, all pinned on one core; the load generator and the upstream
are pinned on another. A *scenario* measures one *entrant* (a product, or a variant of Casino) at a time, each in a fresh
process tree, in interleaved rounds. Medians become tables, verdicts on the targets of DESIGN.md section 4, and a plot.

Reading order: `product` (what runs), `scenario` (what is measured), `run` (in which order), `targets` and `report`.
"""
