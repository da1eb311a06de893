"""The synthetic shop: products that our own code designs, draws, photographs and loads.

products    what there is to sell: names, prices, attributes and a `Design` for the drawing
kinds/      one small modelling function per kind of product, out of the meshes of `mesh`
patterns, motifs, palette      what is printed on them
raster, shading, backdrop, scene, lens      the photo studio
photos, queries      which pictures are taken, and under which conditions
studio      renders and keeps all of it in a folder
folder      a user's own pictures instead
histogram, measuring      how hard the demo is, and how well the platform does
loader      lists the products through the public API
"""
