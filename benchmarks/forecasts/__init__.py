"""How good are the forecasts, by the M4 competition's measures, and what do they cost?"""
