"""When order comes and goes: periods by change points, their lifetimes and fringes, and the kind of particle."""



