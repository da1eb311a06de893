"""The HTTP api: routes that only translate, and the frame around them."""
