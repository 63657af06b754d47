"""Simulate: streets whose truth is known, by SUMO's traffic and JuPedSim's crowds."""
