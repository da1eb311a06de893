"""Sellers, products, pictures and jobs: the truth that everything else is made from."""
