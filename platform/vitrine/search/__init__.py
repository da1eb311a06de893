"""Search: from what a shopper has to the products that the shop shows."""
