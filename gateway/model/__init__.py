"""The frozen values that stages hand to each other. Each type is made by one stage only."""
