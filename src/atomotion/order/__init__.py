"""How ordered every frame is, by persistent homology: ALPS, the vacuum test, periods, fringes, regions and trends."""
